#include "util/result.hpp"

#include <doctest/doctest.h>

#include <memory>

using namespace condolock;
using util::Problem;
using util::Result;

namespace {

Result<std::string> half(int number) {
  if (number % 2 != 0) return Problem{"odd"};
  return std::to_string(number / 2);
}

// Passes an error on in one line.
Result<std::size_t> length_of_half(int number) {
  const auto text = half(number);
  if (!text) return text.error();
  return text->size();
}

}  // namespace

TEST_CASE("result: a value or an error converts to a result") {
  CHECK(*half(8) == "4");
  CHECK(half(3).error().text == "odd");
  CHECK(*length_of_half(24) == 2);
  CHECK(length_of_half(3).error().text == "odd");
  Result<std::unique_ptr<int>> owner = std::make_unique<int>(5);
  REQUIRE(owner);
  const std::unique_ptr<int> taken = *std::move(owner);
  CHECK(*taken == 5);
}

TEST_CASE("result: access to a missing value throws, and a pointer does not convert to bool") {
  CHECK_THROWS(*half(3));
  CHECK_THROWS(static_cast<void>(half(3)->size()));
  CHECK_FALSE(std::is_convertible_v<const char*, Result<bool>>);
  CHECK(std::is_convertible_v<bool, Result<bool>>);
}
