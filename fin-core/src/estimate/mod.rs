//! Gaussian state estimation: Kalman filter, Rauch–Tung–Striebel smoother, and the motion model of a car along a road.
//!
//! | letter | meaning | shape |
//! |---|---|---|
//! | x, P | mean and covariance of the state | N, N×N |
//! | F, Q | transition over a time step and the noise it adds | N×N |
//! | z, R | measurement and its noise covariance | M, M×M |
//! | h(x), H | measurement expected at x, and its Jacobian | M, M×N |
//! | y, S | innovation z − h(x) and its covariance H P Hᵀ + R | M, M×M |
//! | K, G | gain of the filter, gain of the smoother | N×M, N×N |
//!
//! Everything is values in, values out, in `f64`. Linear systems are solved by Cholesky factors, covariances are
//! carried in forms that cannot lose their sign, and elementary functions come from `libm`, so results are the
//! same bits on every CPU.
//!
//! The two users are the online engine, which holds an [`AlongTrack`] and feeds it, and the survey, which hands a
//! whole drive to [`smooth_track`]. Both share [`MotionModel`].

mod along_track;
pub mod consistency;
mod error;
mod filter;
mod gaussian;
mod linear;
mod motion;
mod process;
mod smoother;
mod track_smoother;

pub use along_track::{AlongTrack, Outcome};
pub use error::EstimateError;
pub use filter::{Update, predict, predict_with_mean, update, update_considering};
pub use gaussian::Gaussian;
pub use linear::{LinearModel, SmoothedSeries};
pub use motion::{Expected, MotionModel, SpeedReversion, Transition, state};
pub use smoother::{Step, smooth};
pub use track_smoother::{Measured, Measurement, Smoothed, smooth_track};
