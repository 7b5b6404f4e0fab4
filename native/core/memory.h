// Memory for matrices.
#pragma once

#include <cstddef>

namespace amalgam::core {

/// Start address and row padding suit the widest vector registers and one cache line.
inline constexpr std::size_t alignment_bytes = 64;

/// `bytes` zero bytes, aligned. Large blocks are pages of their own that go back to the system when they are released:
/// blocks of many sizes from many threads would otherwise leave the allocator with several times what is in use. Throws
/// std::bad_alloc.
void* allocate_zeroed(std::size_t bytes);

/// Releases what allocate_zeroed(bytes) returned.
void release(void* block, std::size_t bytes) noexcept;

}  // namespace amalgam::core
