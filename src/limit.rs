//! Who may ask for how much, counted in elements of blind evaluation.
//!
//! Three limits stand one behind the other: a network's own rate ([`Networks`]), a network's share of a dataset's budget
//! (there too), and the dataset's budget ([`Budget`]), which is the `evaluations_per_day` of its manifest. What is left of it is
//! told to everybody in a word ([`Loads`]).

mod budget;
mod client;
mod load;
mod networks;
mod token_bucket;

#[doc(hidden)]
pub use budget::rewrite_budget;
pub(crate) use budget::{Budget, NotObtained};
pub(crate) use client::client_address;
#[doc(hidden)]
pub use client::client_in_line;
pub use client::{ProxyHeader, TrustedProxies};
pub(crate) use load::{Load, Loads, Used};
pub(crate) use networks::{Network, NetworkLimits, NetworkQuotas, NetworkRefusal, Networks};
pub(crate) use token_bucket::{Quota, Rate};
