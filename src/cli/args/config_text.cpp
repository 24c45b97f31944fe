#include "cli/args/config_text.hpp"

#include <algorithm>
#include <cstdint>

#include "util/escape.hpp"

namespace condolock::cli {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

bool is_ascii(char c) { return static_cast<unsigned char>(c) < 0x80; }
bool is_control(char c) { return is_ascii(c) && (c < ' ' || c == '\x7F'); }
// Whether `c` is a UTF-8 byte after the first one of its character.
bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80; }

// Length of the first character in bytes. 0: not UTF-8. Does not check for overlong forms and surrogates: the parser does.
std::size_t length_of_first(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4) return 0;
  std::size_t length = 2;
  if (first >= 0xE0) length = first >= 0xF0 ? 4 : 3;
  const std::string_view others = text.substr(1, length - 1);
  return others.size() == length - 1 && std::all_of(others.begin(), others.end(), is_continuation) ? length : 0;
}

class Scanner {
 public:
  Scanner(std::string_view text, const std::string& path) : text_(text), path_(path) {
    if (text.starts_with(byte_order_mark)) line_start_ = at_ = byte_order_mark.size();
  }

  std::optional<util::Problem> scan() {
    while (at_ < text_.size()) {
      if (auto problem = check()) return problem;
      advance();
    }
    return std::nullopt;
  }

 private:
  enum class Place : std::uint8_t { outside, comment, string, long_string };

  std::optional<util::Problem> check() const {
    const char c = text_[at_];
    const bool ends_line = c == '\n' || text_.substr(at_).starts_with("\r\n");
    if (is_control(c) && c != '\t' && !ends_line) return refuse(1, "is a control character: remove it");
    if (place_ == Place::outside) {
      if (auto problem = check_outside(c)) return problem;
    }
    const std::size_t length = length_of_first(text_.substr(at_));
    if (length == 0) return refuse(1, "is not UTF-8: save the file as UTF-8");
    if (length > 1 && place_ != Place::comment && place_ != Place::string) {
      return refuse(length, "is not ASCII: put it in quotes, on one line");
    }
    return std::nullopt;
  }

  std::optional<util::Problem> check_outside(char c) const {
    if (c == '[' && is_blank_ && depth_ == 0) return refuse_section();
    if (c == '{' || c == '}') return refuse(1, "belongs to a table: only lines of the form NAME = VALUE are allowed");
    const bool follows_word = !is_blank_ && std::string_view(" \t=,[").find(text_[at_ - 1]) == std::string_view::npos;
    if ((c == '"' || c == '\'' || c == '[') && follows_word) {
      return refuse(1, "is in the middle of a word: put the whole value in quotes");
    }
    if (c == '=' && (has_equals_ || depth_ > 0)) return refuse(1, "is in the middle of a value: put the value in quotes");
    if (c == ' ' && follows_word && is_digit_at(at_ + 1))
      return refuse(1, "is in the middle of a value: put the value in quotes");
    if ((c == 'T' || c == 't') && at_ > line_start_ && is_digit_at(at_ - 1)) {
      return refuse(1, "cannot follow a number: put strings in quotes");
    }
    return std::nullopt;
  }

  bool is_digit_at(std::size_t at) const { return at < text_.size() && text_[at] >= '0' && text_[at] <= '9'; }

  util::Problem refuse(std::size_t length, const std::string& why) const {
    const std::string_view before = text_.substr(line_start_, at_ - line_start_);
    const auto column = 1 + std::count_if(before.begin(), before.end(), [](char c) { return !is_continuation(c); });
    return {place() + "column " + std::to_string(column) + ": '" + util::escape(text_.substr(at_, length)) + "' " + why};
  }

  util::Problem refuse_section() const {
    std::string_view line = text_.substr(at_, text_.find('\n', at_) - at_);
    line = line.substr(0, line.find_last_not_of(" \t\r") + 1);
    return {place() + "sections are not allowed: remove " + util::escape(line)};
  }

  std::string place() const { return util::escape(path_) + ":" + std::to_string(line_) + ": "; }

  // Moves past one character, or past several quotes or an escape sequence's first two characters.
  void advance() {
    const char c = text_[at_];
    if (c == '\n') {
      ++line_;
      line_start_ = ++at_;
      is_blank_ = true;
      has_equals_ = false;
      if (place_ != Place::long_string) place_ = Place::outside;
      return;
    }
    is_blank_ = is_blank_ && (c == ' ' || c == '\t');
    if (place_ == Place::outside) return advance_outside(c);
    if (place_ == Place::comment) return skip(length_of_first(text_.substr(at_)));
    if (c == '\\' && quote_ == '"') {
      const bool escapes_quote = at_ + 1 < text_.size() && (text_[at_ + 1] == '"' || text_[at_ + 1] == '\\');
      return skip(escapes_quote ? 2 : 1);
    }
    if (c != quote_) return skip(length_of_first(text_.substr(at_)));
    const std::size_t quotes = count_quotes();
    if (place_ == Place::string || quotes >= 3) {
      skip(place_ == Place::string ? 1 : std::min<std::size_t>(quotes, 5));  // two quotes may precede the closing three
      place_ = Place::outside;
    } else {
      skip(quotes);
    }
  }

  void advance_outside(char c) {
    if (c == '=') has_equals_ = true;
    if (c == '#') place_ = Place::comment;
    if (c == '[') ++depth_;
    if (c == ']' && depth_ > 0) --depth_;
    if (c != '"' && c != '\'') return skip(1);
    quote_ = c;
    const std::size_t quotes = count_quotes();
    if (quotes == 2) return skip(2);  // an empty string
    place_ = quotes == 1 ? Place::string : Place::long_string;
    skip(quotes == 1 ? 1 : 3);
  }

  std::size_t count_quotes() const { return std::min(text_.find_first_not_of(quote_, at_), text_.size()) - at_; }
  void skip(std::size_t bytes) { at_ += bytes; }

  std::string_view text_;
  const std::string& path_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t line_start_ = 0;
  bool is_blank_ = true;     // the line has only blanks so far
  bool has_equals_ = false;  // the line has a = outside of strings
  std::size_t depth_ = 0;    // of arrays
  Place place_ = Place::outside;
  char quote_ = '"';  // of the string
};

}  // namespace

std::optional<util::Problem> check_config_text(std::string_view text, const std::string& path) {
  return Scanner(text, path).scan();
}

}  // namespace condolock::cli
