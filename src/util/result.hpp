// A value or an error. Expected errors are returned; an exception means an internal error (exit code 70).
//
// Pass an error on in one line: `if (!answer) return answer.error();`
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <type_traits>
#include <utility>

namespace condolock::util {

// tl::expected, made [[nodiscard]] and with implicit conversions from a value and from an error.
template <class T, class E>
class [[nodiscard]] Expected : public tl::expected<T, E> {
  using Base = tl::expected<T, E>;

 public:
  // Both constructors are implicit, so that `return value;` and `return error;` work.
  template <class U, class = std::enable_if_t<std::is_convertible_v<U, T> && !std::is_same_v<std::decay_t<U>, Expected> &&
                                              !std::is_same_v<std::decay_t<U>, E> &&
                                              !(std::is_same_v<T, bool> && std::is_pointer_v<std::decay_t<U>>)>>
  Expected(U&& value) : Base(std::forward<U>(value)) {}        // NOLINT(google-explicit-constructor)
  Expected(E error) : Base(tl::unexpect, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  // Checked, unlike tl::expected's: without a value they throw, which is an internal error.
  T& operator*() & { return Base::value(); }
  const T& operator*() const& { return Base::value(); }
  T&& operator*() && { return std::move(*this).Base::value(); }
  T* operator->() { return &Base::value(); }
  const T* operator->() const { return &Base::value(); }
};

// An error message for the user: one sentence without a full stop. For wrong input it names the input and how to correct it.
struct Problem {
  std::string text;
};

template <class T>
using Result = Expected<T, Problem>;

}  // namespace condolock::util
