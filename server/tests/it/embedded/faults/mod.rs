//! The disk fills, fails or forgets, or the process runs out of descriptors: nothing that was answered is lost, what is
//! refused is refused in the words of the contract, and `/readyz` tells. `docs/faults.md` says the same to operators.

mod damage;
mod descriptors;
mod full_disk;
mod load;
mod plan;
mod reads;
mod space;
mod syncs;

/// A number from the environment, for runs that do more than their usual share.
fn asked(variable: &str) -> Option<usize> {
    std::env::var(variable).ok().and_then(|number| number.parse().ok())
}
