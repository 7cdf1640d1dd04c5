//! Labelled drives as the builder of fingerprints takes them.

use super::{SurveyTrack, TrackPoint, TrackSegment};
use crate::fingerprint::pass::{Stretch, StretchPoint, SurveyPass};
use crate::observation::CellScan;

impl SurveyTrack {
    /// The drive `name` that was at the places of this track and heard `scans`, to build fingerprints from.
    pub fn into_pass(self, name: String, scans: Vec<CellScan>) -> SurveyPass {
        let point = |TrackPoint {
                         time,
                         offset_m,
                         sigma_m,
                         ..
                     }: TrackPoint| StretchPoint {
            time,
            offset_m,
            sigma_m,
        };
        let stretch = |TrackSegment { route, points }: TrackSegment| Stretch {
            route,
            points: points.into_iter().map(point).collect(),
        };
        SurveyPass {
            name,
            track: self.segments.into_iter().map(stretch).collect(),
            scans,
        }
    }
}
