#include "util/escape.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace condolock::util {
namespace {

struct Decoded {
  std::size_t length;  // 0: not UTF-8
  std::uint32_t code;
};

// Decodes the first code point of `text`, which must not be empty. RFC 3629: shortest form only, no surrogates, at most
// U+10FFFF.
Decoded decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {1, first};
  std::size_t length = 0;
  if (first >= 0xC2 && first <= 0xDF) length = 2;
  if (first >= 0xE0 && first <= 0xEF) length = 3;
  if (first >= 0xF0 && first <= 0xF4) length = 4;
  if (length == 0 || text.size() < length) return {0, 0};
  std::uint32_t code = first & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {0, 0};
    code = code << 6 | (byte(i) & 0x3FU);
  }
  const std::array<std::uint32_t, 5> min{0, 0, 0x80, 0x800, 0x10000};
  if (code < min[length] || (code >= 0xD800 && code <= 0xDFFF) || code > 0x10FFFF) return {0, 0};
  return {length, code};
}

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
    const Decoded next = decode(text);
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
    const Decoded next = decode(json);
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
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? "'\\''" : std::string(1, c);
  out += "'";
  const std::string safe = escape(out);
  const auto backslashes = static_cast<std::size_t>(std::count(out.begin(), out.end(), '\\'));
  return safe.size() == out.size() + backslashes ? out : safe;  // only backslashes were doubled: a shell needs them single
}

}  // namespace condolock::util
