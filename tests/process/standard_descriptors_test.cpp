#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "process/processes.hpp"

using namespace condolock;
using support::in_forked_process;

namespace {

void close_standard_descriptors() {
  for (int fd = 0; fd <= 2; ++fd) close(fd);
}

std::string errno_of(ssize_t result) {
  if (result >= 0) return "works ";
  return errno == EBADF ? "EBADF " : "another error ";
}

}  // namespace

TEST_CASE("occupy_standard_descriptors: no descriptor of condolock becomes 0, 1 or 2") {
  CHECK(in_forked_process([] {
          close_standard_descriptors();
          process::occupy_standard_descriptors();
          const util::Fd next(open("/dev/null", O_RDONLY | O_CLOEXEC));
          return std::string(next.get() > 2 ? "behind" : "among them");
        }) == "behind");
}

TEST_CASE("occupy_standard_descriptors: reading or writing a closed one still fails") {
  CHECK(in_forked_process([] {
          close_standard_descriptors();
          process::occupy_standard_descriptors();
          char byte = 0;
          std::string out = errno_of(read(0, &byte, 1));
          out += errno_of(write(1, "x", 1));
          return out + errno_of(write(2, "x", 1));
        }) == "EBADF EBADF EBADF ");
}

TEST_CASE("occupy_standard_descriptors: the command finds closed those that the caller had closed") {
  CHECK(in_forked_process([]() -> std::string {
          close_standard_descriptors();
          process::occupy_standard_descriptors();
          const std::string script = "for n in 0 1 2; do [ -e /proc/self/fd/$n ] && exit 1; done; exit 9";
          auto result = process::Keeper::start({{"sh", "-c", script}, {}}, support::signals().caller(), {});
          if (!std::holds_alternative<process::Keeper>(result)) return "not started";
          support::Started started(std::get<process::Keeper>(std::move(result)), support::LineReader(util::Fd()));
          return std::to_string(started.exit_code());
        }) == "9");
}

TEST_CASE("occupy_standard_descriptors: an open one is unchanged") {
  CHECK(in_forked_process([]() -> std::string {
          const util::Fd null(open("/dev/null", O_RDWR | O_CLOEXEC));
          dup2(null.get(), 1);
          close(0);
          process::occupy_standard_descriptors();
          return errno_of(write(1, "x", 1)) + (fcntl(1, F_GETFD) == 0 ? "inherited" : "not inherited");
        }) == "works inherited");
}
