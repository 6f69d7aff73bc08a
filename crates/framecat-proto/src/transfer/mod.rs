//! Files from one machine to another: what is said, and what each side does about it.
//!
//! | the thing | where |
//! | --- | --- |
//! | what one person reads out to another | [`code::Code`] |

pub mod code;
