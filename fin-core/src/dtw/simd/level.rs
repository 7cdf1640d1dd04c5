//! Which vector instructions the kernels use.

use std::fmt;

/// A set of vector instructions that this CPU has.
///
/// The answers are the same bits at every level; only the time differs.
#[derive(Clone, Copy)]
pub struct Level(pub(in crate::dtw) fearless_simd::Level);

/// What a level is called, from the narrowest to the widest; not every CPU has each of them.
const NAMES: [&str; 7] = [
    "portable",
    "sse2",
    "sse4.2",
    "avx2",
    "avx512",
    "neon",
    "wasm simd128",
];

impl Level {
    /// The widest level of this CPU. It is looked up once per process.
    pub fn detect() -> Self {
        Self(fearless_simd::Level::new())
    }

    /// All levels of this CPU, the narrowest first.
    pub fn available() -> Vec<Self> {
        let widest = fearless_simd::Level::new();
        let mut levels = Vec::new();
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        {
            use fearless_simd::Level as Vectors;
            levels.extend(widest.as_sse2().map(Vectors::Sse2));
            levels.extend(widest.as_sse4_2().map(Vectors::Sse4_2));
            levels.extend(widest.as_avx2().map(Vectors::Avx2));
            levels.extend(widest.as_avx512().map(Vectors::Avx512));
        }
        if levels.is_empty() {
            levels.push(widest);
        }
        levels.into_iter().map(Self).collect()
    }

    /// The names of the levels that exist and that this CPU has not.
    pub fn unavailable() -> Vec<&'static str> {
        let available: Vec<&str> = Self::available().into_iter().map(Self::name).collect();
        NAMES
            .into_iter()
            .filter(|name| !available.contains(name))
            .collect()
    }

    /// What the level is called: `avx2`, for example.
    pub fn name(self) -> &'static str {
        use fearless_simd::Level as Vectors;
        match self.0 {
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Vectors::Sse2(_) => NAMES[1],
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Vectors::Sse4_2(_) => NAMES[2],
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Vectors::Avx2(_) => NAMES[3],
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Vectors::Avx512(_) => NAMES[4],
            #[cfg(target_arch = "aarch64")]
            Vectors::Neon(_) => NAMES[5],
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Vectors::WasmSimd128(_) => NAMES[6],
            _ => NAMES[0],
        }
    }
}

impl fmt::Debug for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
