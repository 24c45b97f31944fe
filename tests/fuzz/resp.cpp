// The reply decoder: bytes in portions of any size give the same replies, and these can be encoded again.
#include "engine/redis/resp.hpp"

#include "fuzz.hpp"

using namespace condolock::engine::redis;

namespace {

using Kind = RespValue::Kind;

constexpr std::size_t max_depth = 7;  // of arrays within arrays, whatever hiredis allows

struct Decoded {
  std::vector<RespValue> replies;
  std::string error;
  bool is_empty = false;
};

Decoded decode(std::string_view bytes, std::size_t portion) {
  RespReader reader;
  Decoded out;
  while (!bytes.empty() && reader.error().empty()) {
    reader.feed(bytes.substr(0, portion));
    bytes.remove_prefix(std::min(portion, bytes.size()));
    while (auto reply = reader.next()) out.replies.push_back(*std::move(reply));
  }
  out.error = reader.error();
  out.is_empty = reader.is_empty();
  return out;
}

std::string encoded(const RespValue& value) {
  switch (value.kind) {
    case Kind::nil:
      return "$-1\r\n";
    case Kind::text:
      return "$" + std::to_string(value.text.size()) + "\r\n" + value.text + "\r\n";
    case Kind::status:
      return "+" + value.text + "\r\n";
    case Kind::error:
      return "-" + value.text + "\r\n";
    case Kind::integer:
      return ":" + value.text + "\r\n";
    case Kind::array:
      break;
  }
  std::string out = "*" + std::to_string(value.items.size()) + "\r\n";
  for (const RespValue& item : value.items) out += encoded(item);
  return out;
}

std::string encoded(const Decoded& decoded) {
  std::string out;
  for (const RespValue& reply : decoded.replies) out += encoded(reply);
  return out;
}

std::size_t depth(const RespValue& value) {
  std::size_t deepest = 0;
  for (const RespValue& item : value.items) deepest = std::max(deepest, depth(item));
  return deepest + (value.kind == Kind::array ? 1 : 0);
}

void check_command(std::string_view input) {
  const std::size_t half = input.size() / 2;
  const std::vector<std::string_view> words{"EVAL", input.substr(0, half), input.substr(half)};
  const Decoded decoded = decode(format_command(words), input.size() + 1);
  fuzz::must(decoded.replies.size() == 1 && decoded.replies[0].items.size() == 3, "a command is not an array of its words");
  for (std::size_t i = 0; i < 3; ++i) fuzz::must(decoded.replies[0].items[i].text == words[i], "a word is changed");
}

}  // namespace

void fuzz::check(std::string_view input) {
  const Decoded whole = decode(input, std::max<std::size_t>(input.size(), 1));
  if (!whole.error.empty()) must_be_message(whole.error);
  for (const RespValue& reply : whole.replies) must(depth(reply) <= max_depth, "a reply is nested too deeply");
  const std::string bytes = encoded(whole);
  for (const std::size_t portion : {1U, 2U, 5U, 64U}) {
    const Decoded parts = decode(input, portion);
    must(encoded(parts) == bytes, "portions give other replies than the whole");
    must(parts.error == whole.error && parts.is_empty == whole.is_empty, "portions end in another way than the whole");
  }
  const Decoded again = decode(bytes, bytes.size() + 1);
  must(again.error.empty() && again.is_empty && encoded(again) == bytes, "an encoded reply is read as another one");
  check_command(input);
}
