#include "core/memory.h"

#include <sys/mman.h>

#include <cstring>
#include <new>

namespace amalgam::core {

namespace {

constexpr std::size_t own_pages_from = std::size_t{1} << 20;

}  // namespace

void* allocate_zeroed(std::size_t bytes) {
  if (bytes < own_pages_from) {
    void* block = ::operator new (bytes, std::align_val_t{alignment_bytes});
    std::memset(block, 0, bytes);
    return block;
  }
  void* block = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
  ::madvise(block, bytes, MADV_HUGEPAGE);  // a wish: it is as right without it, only slower
#endif
  return block;
}

void release(void* block, std::size_t bytes) noexcept {
  if (bytes < own_pages_from) {
    ::operator delete (block, std::align_val_t{alignment_bytes});
  } else {
    ::munmap(block, bytes);
  }
}

}  // namespace amalgam::core
