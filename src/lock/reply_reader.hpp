// Reads a script's flat array. It checks every value, since a server may send anything.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "engine/engine.hpp"
#include "util/clock.hpp"

namespace condolock::lock {

// The values that a number may have, both ends included.
struct Range {
  std::int64_t min = 0;
  std::int64_t max = 0;
};

namespace range {
// 2^53, GREATEST in record.lua: a Lua number counts exactly up to here. A sum or difference of two such numbers fits an
// int64_t.
inline constexpr std::int64_t max_number = 9007199254740992;
inline constexpr Range positive{1, max_number};      // a fence, a time of the engine's clock
inline constexpr Range not_negative{0, max_number};  // a count, a length, a stored time
inline constexpr Range exit_code{0, 255};
}  // namespace range

class ReplyReader {
 public:
  // Reads the reply's code. Sets failure() for the cases that all scripts share: no answer, a malformed record, and a record
  // that is newer than this program.
  explicit ReplyReader(const engine::Reply& reply);

  const std::optional<engine::Failure>& failure() const { return failure_; }
  const std::string& code() const { return code_; }

  bool at_end() const { return at_ == values_.size(); }
  // A missing or invalid value reads as "", the range's minimum or none, and is_whole() is false from then on. `what` names
  // the value in the message of unexpected().
  std::string text();
  std::int64_t number(std::string_view what, Range range);
  std::optional<std::int64_t> optional_number(std::string_view what, Range range);
  Millis length(std::string_view what) { return Millis(number(what, range::not_negative)); }
  std::optional<Millis> optional_length(std::string_view what);
  // The time since an event. It is negative if the engine's clock went back. That reads as 0.
  Millis age(std::string_view what);
  std::optional<Millis> optional_age(std::string_view what);

  // Checks a number that was read as text. Empty: none.
  std::optional<std::int64_t> checked(std::string_view what, std::string_view text, Range range);

  // Reads the values after the code "malformed" or "newer"; none for any other code.
  std::optional<engine::Failure> refusal(const std::string& code);

  // No value was missing, every number was valid, and nothing is left over.
  bool is_whole() const { return !missing_ && wrong_.empty() && at_end(); }
  // The failure for a reply that is not whole or has an unexpected code.
  engine::Failure unexpected() const;
  // The failure for the numbers that were invalid since the last call, if any. Forgets them.
  std::optional<engine::Failure> take_wrong_number();

 private:
  engine::Values values_;
  std::size_t at_ = 0;
  bool missing_ = false;
  std::string wrong_;  // the first invalid number, for the message
  std::string code_;
  std::optional<engine::Failure> failure_;
};

}  // namespace condolock::lock
