#![allow(missing_docs, dead_code)]
mod cork;
mod survey;
fn main() { if std::env::args().len() == 2 { return cork::residuals(std::path::Path::new(&std::env::args().nth(1).unwrap())).unwrap(); } let a: Vec<String> = std::env::args().collect(); cork::debug(std::path::Path::new(&a[1]), a[2].parse().unwrap(), a[3].parse().unwrap(), &a[4]).unwrap(); }
