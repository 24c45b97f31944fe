// condolock on a machine whose memory runs out: src/main.cpp, linked with -Wl,--wrap for malloc, calloc, realloc and socket.
// With STARVED_AT=N, the Nth allocation after the first call of socket() fails; before that, nobody was asked for a lease.
// The file of STARVED_FILE then says "keeper" if the keeper was started, else it is empty.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

bool counts = false;

void note() {
  const char* path = std::getenv("STARVED_FILE");
  const int file = open(path != nullptr ? path : "/dev/null", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  siginfo_t info{};
  const bool has_child = waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
  if (has_child && write(file, "keeper\n", 7) != 7) std::abort();
  close(file);
}

bool fails() {
  static long count = 0;
  if (!counts) return false;
  const char* at = std::getenv("STARVED_AT");
  if (at == nullptr || ++count != std::strtol(at, nullptr, 10)) return false;
  note();
  return true;
}

}  // namespace

// NOLINTBEGIN(bugprone-reserved-identifier): the linker demands these names
extern "C" {
int __real_socket(int domain, int type, int protocol);
void* __real_malloc(std::size_t size);
void* __real_calloc(std::size_t count, std::size_t size);
void* __real_realloc(void* block, std::size_t size);

int __wrap_socket(int domain, int type, int protocol) {
  counts = true;
  return __real_socket(domain, type, protocol);
}
void* __wrap_malloc(std::size_t size) { return fails() ? nullptr : __real_malloc(size); }
void* __wrap_calloc(std::size_t count, std::size_t size) { return fails() ? nullptr : __real_calloc(count, size); }
void* __wrap_realloc(void* block, std::size_t size) { return fails() ? nullptr : __real_realloc(block, size); }
}

// A shared libstdc++ would not call the functions above. The standard's other forms of new call this one.
void* operator new(std::size_t size) {
  void* block = __wrap_malloc(size == 0 ? 1 : size);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t /*size*/) noexcept { std::free(block); }
// NOLINTEND(bugprone-reserved-identifier)
