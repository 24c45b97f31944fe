#include "process/proc.hpp"

#include <fcntl.h>
#include <sys/mman.h>

#include <array>
#include <cerrno>

namespace condolock::process {
namespace {

pid_t number_of(const char* text, std::size_t size) {
  const char* at = text;
  const pid_t value = number_at(at, text + size);
  return at == text + size ? value : -1;
}

// "pid (name) state parent group session ...": the name may contain any character, so look for its last bracket.
bool parse_stat(const char* text, std::size_t size, Entry& entry) {
  constexpr int threads_field = 17;  // the number of threads, counted from the state
  const char* end = text + size;
  const char* at = end;
  while (at != text && *(at - 1) != ')') --at;
  if (at == text || end - at < 4) return false;
  entry.state = at[1];
  at += 2;
  pid_t threads = 1;
  for (int field = 1; field <= threads_field && at != end; ++field) {
    ++at;  // the space
    const char* start = at;
    const pid_t value = number_at(at, end);
    if (field == 1) entry.parent = value;
    if (field == 2) entry.group = value;
    if (field == 3) entry.session = value;
    if (field == threads_field) threads = value;
    if (value < 0) at = start;
    while (at != end && *at != ' ') ++at;
  }
  // A process whose first thread has ended is a zombie with living threads.
  entry.alive = (entry.state != 'Z' && entry.state != 'X') || (entry.state == 'Z' && threads > 1);
  return true;
}

long map(std::size_t size) {
#if defined(__i386__) || defined(__arm__)
  return system_call(SYS_mmap2, 0, static_cast<long>(size), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
#else
  return system_call(SYS_mmap, 0, static_cast<long>(size), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
#endif
}

bool is_short_of_descriptors() {
  const Descriptor any(open_at(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY));
  return any.get() == -EMFILE || any.get() == -ENFILE;
}

}  // namespace

pid_t number_at(const char*& at, const char* end) {
  if (at == end || *at < '0' || *at > '9') return -1;
  pid_t value = 0;
  for (; at != end && *at >= '0' && *at <= '9'; ++at) value = value * 10 + (*at - '0');
  return value;
}

long open_at(long directory, const char* path, int flags) {
  return system_call(SYS_openat, directory, address_of(path), flags | O_CLOEXEC);
}

long open_proc() {
  const long proc = open_at(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY);
  if (proc < 0) return proc;
  std::array<char, 16> self{};
  const long length = system_call(SYS_readlinkat, proc, address_of("self"), address_of(self.data()), self.size());
  const long own = system_call(SYS_getpid);
  if (length > 0 && number_of(self.data(), static_cast<std::size_t>(length)) == own) return proc;
  system_call(SYS_close, proc);
  return -ENOENT;
}

bool read_stat(long proc, pid_t pid, Entry& entry) {
  std::array<char, 32> path{};
  std::size_t length = 0;
  std::array<char, 12> digits{};
  std::size_t count = 0;
  for (pid_t rest = pid; rest > 0; rest /= 10) digits[count++] = static_cast<char>('0' + rest % 10);
  while (count > 0) path[length++] = digits[--count];
  for (const char* each = "/stat"; *each != '\0'; ++each) path[length++] = *each;
  const Descriptor stat(open_at(proc, path.data(), O_RDONLY));
  if (!stat.is_open()) return false;
  std::array<char, 512> text;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  const long size = stat.read(text.data(), text.size());
  if (size <= 0) return false;
  entry = {pid, 0, 0, 0, ' ', false, false};
  return parse_stat(text.data(), static_cast<std::size_t>(size), entry);
}

Table::Table() {
  // As many as can exist. The kernel provides only the pages that are used.
  for (const std::size_t entries : {std::size_t{1} << 22U, std::size_t{1} << 15U}) {
    size_ = entries * sizeof(Entry);
    const long at = map(size_);
    if (at < 0 && at > -4096) continue;
    entries_ = reinterpret_cast<Entry*>(at);  // NOLINT(performance-no-int-to-ptr)
    capacity_ = entries;
    return;
  }
}

Table::~Table() {
  if (entries_ != nullptr) system_call(SYS_munmap, address_of(entries_), static_cast<long>(size_));
}

bool Table::read() {
  count_ = 0;
  const Descriptor proc(open_proc());
  if (!proc.is_open() || entries_ == nullptr) return false;
  alignas(8) std::array<char, 4096> names;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  for (;;) {
    const long size = system_call(SYS_getdents64, proc.get(), address_of(names.data()), names.size());
    if (size <= 0) return size == 0;
    for (long at = 0; at < size;) {
      // struct linux_dirent64: inode 8, offset 8, length 2, type 1, name
      const char* entry = names.data() + at;
      at += static_cast<unsigned char>(entry[16]) + (static_cast<unsigned char>(entry[17]) << 8U);
      std::size_t length = 0;
      while (entry[19 + length] != '\0') ++length;
      const pid_t pid = number_of(entry + 19, length);
      if (pid <= 0) continue;
      if (count_ == capacity_) return false;
      if (!read_stat(proc.get(), pid, entries_[count_])) {
        if (is_short_of_descriptors()) return false;
        continue;  // the process is gone
      }
      ++count_;
    }
  }
}

const Entry* Table::find(pid_t pid) const {
  std::size_t low = 0;
  std::size_t high = count_;
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (entries_[middle].pid == pid) return entries_ + middle;
    if (entries_[middle].pid < pid) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return nullptr;
}

}  // namespace condolock::process
