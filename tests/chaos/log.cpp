#include "chaos/log.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <new>
#include <string_view>
#include <system_error>

#include "util/fd.hpp"

namespace chaos {
namespace {

constexpr std::size_t most_lives = 20'000;

std::int64_t number_in(const char* variable) {
  const char* text = std::getenv(variable);
  return text == nullptr ? 0 : std::atoll(text);
}

void sleep_two_milliseconds() {
  const timespec length{0, ms(2)};
  nanosleep(&length, nullptr);
}

}  // namespace

struct Log::File {
  std::atomic<std::size_t> count{0};
  std::array<Life, most_lives> lives{};
};

Nanos now() {
  timespec at{};
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1'000'000'000 + at.tv_nsec;
}

// A new file reads as zeros, which is an empty log.
Log::Log(const std::string& path) {
  const condolock::util::Fd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!fd || ftruncate(fd.get(), sizeof(File)) != 0) throw std::system_error(errno, std::generic_category(), path);
  void* room = mmap(nullptr, sizeof(File), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (room == MAP_FAILED) throw std::system_error(errno, std::generic_category(), path);
  file_ = static_cast<File*>(room);
}

Log::~Log() { munmap(file_, sizeof(File)); }

Life& Log::append() {
  const std::size_t at = file_->count++;
  if (at >= most_lives) std::abort();
  return file_->lives.at(at);
}

std::vector<const Life*> Log::lives() const {
  std::vector<const Life*> out;
  for (std::size_t i = 0; i < std::min(file_->count.load(), most_lives); ++i) {
    if (file_->lives.at(i).first != 0) out.push_back(&file_->lives.at(i));
  }
  return out;
}

int witness(int argc, char** argv) {
  if (argc < 1) return 64;
  Log log(std::getenv("CHAOS_LOG"));
  Life& life = log.append();
  life.run = number_in("CHAOS_RUN");
  life.fence = number_in("CHAOS_FENCE");
  life.pid = getpid();
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "stubborn") std::signal(SIGTERM, SIG_IGN);
    if (word == "left") life.left = 1;
    if (word == "done") life.done = 1;
  }
  const Nanos until = now() + ms(std::atoll(argv[0]));
  life.last = now();
  life.first = life.last.load();
  while (now() < until) {
    sleep_two_milliseconds();
    life.last = now();
  }
  return 0;
}

}  // namespace chaos
