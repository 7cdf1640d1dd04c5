#if canImport(CoreLocation)
    import CoreLocation
    import Foundation

    extension GnssFix {
        /// The fix that a location of `CLLocationManager` is, or `nil` for one that says itself that it is not valid.
        ///
        /// CoreLocation goes on for a while after GNSS is lost, from motion and radio. The engine holds such locations against its own
        /// estimate and does not believe those inside a tunnel.
        public init?(_ location: CLLocation) {
            guard location.horizontalAccuracy >= 0 else { return nil }
            self.init(
                timeNs: location.timestamp.unixTimeNs,
                latDeg: location.coordinate.latitude,
                lonDeg: location.coordinate.longitude,
                accuracyM: location.horizontalAccuracy,
                speedMps: location.speed >= 0 ? location.speed : nil,
                bearingDeg: location.course >= 0 ? location.course : nil)
        }
    }

    extension Estimate {
        /// The estimate as a location: 68 % accuracy, no altitude.
        public var location: CLLocation {
            CLLocation(
                coordinate: CLLocationCoordinate2D(latitude: latDeg, longitude: lonDeg),
                altitude: 0,
                horizontalAccuracy: accuracyM,
                verticalAccuracy: -1,
                course: bearingDeg ?? -1,
                speed: speedMps ?? -1,
                timestamp: Date(unixTimeNs: timeNs))
        }
    }

    extension FinEngine {
        /// Takes the locations that `CLLocationManagerDelegate.locationManager(_:didUpdateLocations:)` hands over. One that the engine
        /// refuses does not hold up the others. Returns the latest estimate that changed.
        @discardableResult
        public func onLocations(_ locations: [CLLocation]) throws -> Estimate? {
            var changed: Estimate?
            for fix in locations.compactMap(GnssFix.init) {
                do {
                    changed = try onGnss(fix) ?? changed
                } catch FinError.TimeBackwards, FinError.ValueRefused {
                    continue
                }
            }
            return changed
        }
    }
#endif
