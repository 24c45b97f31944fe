#include "process/heap.hpp"

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace condolock::process {

void populate_heap() {
#if defined(__GLIBC__) && defined(MADV_POPULATE_WRITE)
  constexpr std::size_t size = 160'000;
  constexpr std::uintptr_t page = 4096;
  // malloc takes the block from the end of the heap, not from mmap, and keeps the pages when the block is freed.
  mallopt(M_MMAP_THRESHOLD, 1024 * 1024);
  mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
  void* room = std::malloc(size);
  if (room == nullptr) return;
  const std::size_t before = (page - reinterpret_cast<std::uintptr_t>(room) % page) % page;
  madvise(static_cast<char*>(room) + before, (size - page) / page * page, MADV_POPULATE_WRITE);
  std::free(room);
#endif
}

}  // namespace condolock::process
