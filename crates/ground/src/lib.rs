//! What every floor of cardwright stands on.
//!
//! Two things live here because every other crate needs them and none of them should have its
//! own: the [`Ambient`] interface through which time, randomness and sleeping enter the program,
//! and [`Blame`], the word every error carries for whoever has to replace or redo something.
//!
//! ```
//! use ground::{Ambient, Virtual};
//! use std::time::Duration;
//!
//! let ambient = Virtual::new(7);
//! let before = ambient.elapsed();
//! ambient.sleep(Duration::from_secs(30));
//! assert_eq!(ambient.elapsed() - before, Duration::from_secs(30));
//! ```

mod ambient;
mod blame;

pub use ambient::{Ambient, AmbientRng, System, Virtual};
pub use blame::{Blame, Blamed};
