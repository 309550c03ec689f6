// SPDX-License-Identifier: MIT
//! The rimalloc memory allocator for Rust: [`RiMalloc`], a global allocator, and [`Heap`], sets of
//! blocks that end together, with lifetimes that keep their boxes from outliving them. The
//! allocator is compiled into the program; malloc of the C library is left alone.
//!
//! ```
//! #[global_allocator]
//! static GLOBAL: rimalloc::RiMalloc = rimalloc::RiMalloc;
//!
//! let heap = rimalloc::Heap::new().expect("memory for a heap");
//! let mut numbers = heap.slice(1000, |i| i * i).expect("memory for the numbers");
//! numbers[3] += 1;
//! assert_eq!(numbers[3], 10);
//! ```

#![deny(missing_docs)]
#![deny(unsafe_op_in_unsafe_fn)]

// Elsewhere `asm!` does not know how to find what a thread has.
#[cfg_attr(
    not(all(target_arch = "x86_64", target_pointer_width = "64", target_os = "linux")),
    path = "called.rs"
)]
mod fast;
mod ffi;
mod global;
mod heap;

pub use global::RiMalloc;
pub use heap::{Heap, HeapBox};

/// What the process has in use, in bytes unless said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Address space held for blocks.
    pub reserved: usize,
    /// Of it, in pages at present or possibly still resident.
    pub committed: usize,
    /// In blocks that are live.
    pub in_use: usize,
    /// The number of live blocks.
    pub blocks: usize,
}

/// The present state of the whole process. Costs a walk over all pages.
pub fn summary() -> Summary {
    let mut s = std::mem::MaybeUninit::<ffi::Summary>::zeroed();
    // SAFETY: the structure is that of ri_summary_t, which ri_summary fills.
    let s = unsafe {
        ffi::ri_summary(s.as_mut_ptr());
        s.assume_init()
    };
    Summary {
        reserved: s.reserved,
        committed: s.committed,
        in_use: s.in_use,
        blocks: s.blocks,
    }
}

/// Gives back what the calling thread keeps; with `force` also all unused memory of the process.
pub fn collect(force: bool) {
    // SAFETY: any thread may call it at any time.
    unsafe { ffi::ri_collect(force) }
}

/// The version of the allocator: major * 10000 + minor * 100 + patch.
pub fn version() -> i32 {
    // SAFETY: any thread may call it at any time.
    unsafe { ffi::ri_version() }
}

/// Whether a pointer, which may be any, points into memory of this allocator.
pub fn owns<T: ?Sized>(p: *const T) -> bool {
    // SAFETY: any pointer may be asked about.
    unsafe { ffi::ri_is_in_heap_region(p.cast()) }
}
