// Reads a script's flat array. It checks every value, since a server may send anything.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "engine/engine.hpp"
#include "util/clock.hpp"

namespace condolock::lock {

class ReplyReader {
 public:
  // Reads the reply's code. Sets failure() for the cases that all scripts share: no answer, a malformed record, and a record
  // that is newer than this program.
  explicit ReplyReader(const engine::Reply& reply);

  const std::optional<engine::Failure>& failure() const { return failure_; }
  const std::string& code() const { return code_; }

  bool at_end() const { return at_ == values_.size(); }
  // A missing or invalid value reads as "", 0 or none, and is_whole() is false from then on.
  std::string text();
  std::int64_t number();
  std::optional<std::int64_t> optional_number();
  Millis millis() { return Millis(number()); }
  std::optional<Millis> optional_millis();

  // Reads the values after the code "malformed" or "newer"; none for any other code.
  std::optional<engine::Failure> refusal(const std::string& code);

  // No value was missing, every number was valid, and nothing is left over.
  bool is_whole() const { return !broken_ && at_end(); }
  // The failure for a reply that is not whole or has an unexpected code.
  engine::Failure unexpected() const;

 private:
  engine::Values values_;
  std::size_t at_ = 0;
  bool broken_ = false;
  std::string code_;
  std::optional<engine::Failure> failure_;
};

}  // namespace condolock::lock
