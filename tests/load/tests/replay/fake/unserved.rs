//! What a generated server trait demands and no replay calls.
//!
//! An attribute macro cannot look into another macro's call, so these are written as the futures
//! that `async_trait` would make of them.

/// Answers each of the named RPCs with UNIMPLEMENTED.
macro_rules! unserved {
    ($($rpc:ident: $request:ty => $response:ty;)*) => {$(
        fn $rpc<'life, 'future>(
            &'life self,
            _: tonic::Request<$request>,
        ) -> std::pin::Pin<Box<
            dyn Future<Output = Result<tonic::Response<$response>, tonic::Status>> + Send + 'future,
        >>
        where
            'life: 'future,
            Self: 'future,
        {
            Box::pin(async { Err(tonic::Status::unimplemented("no replay needs it")) })
        }
    )*};
}

pub(super) use unserved;
