// Durations: a parsed duration is in range, and its shown form can be parsed again.
#include "util/duration.hpp"

#include "fuzz.hpp"

using namespace condolock;

namespace {

constexpr Millis max_duration(36'525LL * 86'400'000);

Millis read_again(const std::string& shown) {
  const auto again = util::parse_duration(shown);
  fuzz::must(again.has_value(), "a duration that is shown cannot be read: " + shown);
  return *again;
}

void check_formats(Millis duration) {
  const std::string down = util::format_duration(duration);
  const std::string up = util::format_duration_up(duration);
  fuzz::must(read_again(down) <= duration && util::format_duration(read_again(down)) == down, "rounded down: " + down);
  fuzz::must(read_again(up) >= duration && util::format_duration_up(read_again(up)) == up, "rounded up: " + up);
}

}  // namespace

void fuzz::check(std::string_view input) {
  const auto duration = util::parse_duration(input);
  if (!duration) return must_be_message(duration.error().text);
  must(*duration >= Millis(0) && *duration <= max_duration, "a duration is out of range");
  check_formats(*duration);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(*duration);
  must(*util::parse_duration(std::to_string(seconds.count())) == seconds, "a bare number is not read as seconds");
}
