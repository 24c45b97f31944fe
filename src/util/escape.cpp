#include "util/escape.hpp"

#include <algorithm>
#include <cstdint>

#include "util/utf8.hpp"

namespace condolock::util {
namespace {

bool shown(std::uint32_t code) {
  if (code < 0x20 || (code >= 0x7F && code <= 0x9F)) return false;
  if (code >= 0x200B && code <= 0x200F) return false;  // zero-width characters, left-to-right and right-to-left marks
  if (code >= 0x2028 && code <= 0x202E) return false;  // line and paragraph separators, embeddings, overrides
  if (code >= 0x2060 && code <= 0x206F) return false;  // word joiner, isolates
  // soft hyphen, Arabic letter mark, byte order mark, tags
  return code != 0xAD && code != 0x61C && code != 0xFEFF && (code < 0xE0000 || code > 0xE007F);
}

constexpr std::string_view digits = "0123456789abcdef";

std::string with_escapes(std::string_view text, bool doubles_backslashes) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const CodePoint next = first_code_point(text);
    const std::size_t length = next.length == 0 ? 1 : next.length;
    if (next.length != 0 && shown(next.code)) {
      if (doubles_backslashes && text[0] == '\\') out += '\\';
      out += text.substr(0, length);
    } else {
      for (std::size_t i = 0; i < length; ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        out += "\\x";
        out += digits[byte >> 4U];
        out += digits[byte & 15U];
      }
    }
    text.remove_prefix(length);
  }
  return out;
}

void append_utf16_escape(std::string& out, std::uint32_t unit) {
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += digits[unit >> static_cast<unsigned>(shift) & 15U];
}

// From U+10000 on, JSON needs two surrogates (RFC 8259, 7).
void append_utf16_escapes(std::string& out, std::uint32_t code) {
  if (code < 0x10000) return append_utf16_escape(out, code);
  append_utf16_escape(out, 0xD800 + ((code - 0x10000) >> 10U));
  append_utf16_escape(out, 0xDC00 + (code & 0x3FFU));
}

}  // namespace

std::string escape(std::string_view text) { return with_escapes(text, true); }

std::string printable(std::string_view text) { return with_escapes(text, false); }

std::string escaped_json(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  while (!json.empty()) {
    const CodePoint next = first_code_point(json);
    const std::size_t length = std::max<std::size_t>(next.length, 1);
    if (next.length == 0 || next.code < ' ' || shown(next.code)) {
      out += json.substr(0, length);
    } else {
      append_utf16_escapes(out, next.code);
    }
    json.remove_prefix(length);
  }
  return out;
}

std::string shell_quoted(std::string_view word) {
  static constexpr std::string_view bare = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-";
  if (!word.empty() && word.find_first_not_of(bare) == std::string_view::npos) return std::string(word);
  const bool is_printable = printable(word).size() == word.size();
  const std::string safe = is_printable ? std::string(word) : escape(word);
  std::string out = is_printable ? "'" : "$'";
  for (const char c : safe) out += c != '\'' ? std::string(1, c) : is_printable ? "'\\''" : "\\'";
  return out + "'";
}

}  // namespace condolock::util
