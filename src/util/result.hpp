// A value, or a sentence that says why there is none. For input that a person wrote: it names the thing and the way out, and
// is ready to be printed behind "condolock: ".
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace condolock {

struct Problem {
  std::string text;
};

template <class T>
class Result {
 public:
  Result(T value) : held_(std::move(value)) {}            // NOLINT(google-explicit-constructor): reads as `return value;`
  Result(Problem problem) : held_(std::move(problem)) {}  // NOLINT(google-explicit-constructor)

  explicit operator bool() const { return std::holds_alternative<T>(held_); }
  const T& operator*() const { return std::get<T>(held_); }
  T& operator*() { return std::get<T>(held_); }
  const T* operator->() const { return &std::get<T>(held_); }
  const std::string& problem() const { return std::get<Problem>(held_).text; }

 private:
  std::variant<T, Problem> held_;
};

}  // namespace condolock
