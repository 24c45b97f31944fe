// A value, or the error that took its place. Errors are ordinary results here: they are returned, never thrown.
//
// Pass an error on in one line: `if (!answer) return answer.error();`
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <type_traits>
#include <utility>

namespace condolock::util {

// tl::expected, which the compiler does not let a caller ignore, and which both a value and an error convert to.
template <class T, class E>
class [[nodiscard]] Expected : public tl::expected<T, E> {
  using Base = tl::expected<T, E>;

 public:
  // Both are implicit, so that `return value;` and `return error;` work.
  template <class U, class = std::enable_if_t<std::is_convertible_v<U, T> && !std::is_same_v<std::decay_t<U>, Expected> &&
                                              !std::is_same_v<std::decay_t<U>, E>>>
  Expected(U&& value) : Base(std::forward<U>(value)) {}        // NOLINT(google-explicit-constructor)
  Expected(E error) : Base(tl::unexpect, std::move(error)) {}  // NOLINT(google-explicit-constructor)
};

// What is wrong with something a person wrote: one sentence that names the thing and the way out, without a full stop.
struct Problem {
  std::string text;
};

template <class T>
using Result = Expected<T, Problem>;

}  // namespace condolock::util
