// SPDX-License-Identifier: MIT
//! A global allocator of another library's functions: `peer!(malloc, posix_memalign, ...)`.

#[macro_export]
macro_rules! peer {
    ($malloc:ident, $calloc:ident, $realloc:ident, $aligned:ident, $free_sized:ident) => {
        use std::alloc::{GlobalAlloc, Layout};

        extern "C" {
            fn $malloc(size: usize) -> *mut u8;
            fn $calloc(count: usize, size: usize) -> *mut u8;
            fn $realloc(p: *mut u8, size: usize) -> *mut u8;
            fn $aligned(out: *mut *mut u8, alignment: usize, size: usize) -> i32;
            fn $free_sized(p: *mut u8, size: usize);
        }

        struct Peer;

        #[inline]
        fn is_natural(layout: Layout) -> bool {
            layout.align() <= 8 || (layout.align() == 16 && layout.size() > 8)
        }

        unsafe impl GlobalAlloc for Peer {
            #[inline]
            unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
                if is_natural(layout) {
                    return $malloc(layout.size());
                }
                let mut p = std::ptr::null_mut();
                if $aligned(&mut p, layout.align(), layout.size()) != 0 {
                    return std::ptr::null_mut();
                }
                p
            }
            #[inline]
            unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
                if is_natural(layout) {
                    return $calloc(1, layout.size());
                }
                let p = self.alloc(layout);
                if !p.is_null() {
                    p.write_bytes(0, layout.size());
                }
                p
            }
            #[inline]
            unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
                $free_sized(p, layout.size())
            }
            #[inline]
            unsafe fn realloc(&self, p: *mut u8, layout: Layout, size: usize) -> *mut u8 {
                let wanted = Layout::from_size_align_unchecked(size, layout.align());
                if is_natural(wanted) {
                    return $realloc(p, size);
                }
                let q = self.alloc(wanted);
                if !q.is_null() {
                    q.copy_from_nonoverlapping(p, layout.size().min(size));
                    self.dealloc(p, layout);
                }
                q
            }
        }

        #[global_allocator]
        static GLOBAL: Peer = Peer;
    };
}
