// RecordReader a script's flat array, which came from a server that may say anything.
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
  // Takes the reply's code. What means the same in every script is a failure() already: no answer, and a record that is
  // malformed or newer than this program.
  explicit ReplyReader(const engine::Reply& reply);

  const std::optional<engine::Failure>& failure() const { return failure_; }
  const std::string& code() const { return code_; }

  bool at_end() const { return at_ == values_.size(); }
  std::string text();
  std::int64_t number();
  std::optional<std::int64_t> optional_number();
  Millis millis() { return Millis(number()); }
  std::optional<Millis> optional_millis();

  // What "malformed" and "newer" say behind them; none for any other code.
  std::optional<engine::Failure> refusal(const std::string& code);

  // All was there, was a number where one belongs, and nothing is left over.
  bool is_whole() const { return !broken_ && at_end(); }
  // What to return for an answer that is not whole, or a code that has no place.
  engine::Failure unexpected() const;

 private:
  engine::Values values_;
  std::size_t at_ = 0;
  bool broken_ = false;
  std::string code_;
  std::optional<engine::Failure> failure_;
};

}  // namespace condolock::lock
