#include "util/nearest.hpp"

#include <doctest/doctest.h>

using condolock::util::did_you_mean;
using condolock::util::nearest;

TEST_CASE("nearest: an edit inserts, removes, replaces or swaps") {
  const std::vector<std::string_view> known{"list", "status", "--accessed-prior", "run"};
  CHECK(nearest("rnu", known) == "run");
  CHECK(nearest("lits", known) == "list");
  CHECK(nearest("statu", known) == "status");
  CHECK(nearest("stattus", known) == "status");
  CHECK(nearest("stadus", known) == "status");
  CHECK(nearest("--accesed-prio", known) == "--accessed-prior");
  CHECK(nearest("--acesed-prio", known).empty());
  CHECK(nearest("status", known) == "status");
}

TEST_CASE("nearest: a short word allows only one edit, and the empty word has no nearest word") {
  const std::vector<std::string_view> known{"run", "list"};
  CHECK(nearest("ru", known) == "run");
  CHECK(nearest("rxx", known).empty());
  CHECK(nearest("--lost", {"--list"}) == "--list");
  CHECK(nearest("--most", {"--list"}).empty());
  CHECK(nearest("ls", known).empty());
  CHECK(nearest("", known).empty());
  CHECK(nearest("run", {}).empty());
  CHECK(nearest(std::string(1'000'000, 'x'), known).empty());
}

TEST_CASE("nearest: the nearer of two words is found, or the first if both are equally near") {
  CHECK(nearest("tast", {"test", "taste"}) == "test");
  CHECK(nearest("resettt", {"resume", "resetxx", "resett"}) == "resett");
}

TEST_CASE("did_you_mean: a question, or an empty text") {
  CHECK(did_you_mean("rnu", {"run"}) == " (did you mean run?)");
  CHECK(did_you_mean("xyz", {"run"}).empty());
}
