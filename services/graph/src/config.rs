//! The settings of graph: the sizes of its pages, which the contract fixes.

use postern_shared::page::PageSizes;

/// Entries of a page of any list here.
pub const PAGE: PageSizes = PageSizes {
    default: 50,
    max: 200,
};
