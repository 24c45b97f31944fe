#include "cli/args/trusted_file.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <array>
#include <string>

using condolock::cli::is_trusted_owner;
using condolock::cli::read_trusted;

TEST_CASE("trusted file: an owner without a number in this user namespace is trusted") {
  constexpr uid_t overflow = 65534;
  const char* only_root = "         0       1000          1\n";
  const char* as_podman = "         0       1000          1\n         1     100000      65536\n";
  const char* everybody = "         0          0 4294967295\n";
  CHECK(is_trusted_owner(overflow, {0, overflow, only_root}));
  // In that namespace, 65534 is a user.
  CHECK_FALSE(is_trusted_owner(overflow, {0, overflow, as_podman}));
  CHECK_FALSE(is_trusted_owner(overflow, {0, overflow, everybody}));
  CHECK_FALSE(is_trusted_owner(12345, {0, overflow, only_root}));
  CHECK(is_trusted_owner(0, {1000, overflow, everybody}));
  CHECK(is_trusted_owner(1000, {1000, overflow, everybody}));
  CHECK_FALSE(is_trusted_owner(1001, {1000, overflow, everybody}));
}

TEST_CASE("trusted file: with a map that cannot be read or parsed, no unknown owner is trusted") {
  for (const char* map : {"", "0 1000\n", "0 x 1\n"}) CHECK_FALSE(is_trusted_owner(65534, {0, 65534, map}));
}

TEST_CASE("trusted file: a passed pipe is read to its end, and is never exposed") {
  std::array<int, 2> ends{};
  REQUIRE(pipe(ends.data()) == 0);
  REQUIRE(write(ends[1], "secret\n", 7) == 7);
  close(ends[1]);
  const auto file = read_trusted("the file", "/dev/fd/" + std::to_string(ends[0]));
  close(ends[0]);
  REQUIRE(file);
  CHECK(file->text == "secret\n");
  CHECK_FALSE(file->is_exposed);
}
