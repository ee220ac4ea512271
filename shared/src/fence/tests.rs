//! Tasks, raising and the relay, against targets of the tests own.
