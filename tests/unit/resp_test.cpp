#include "engine/redis/resp.hpp"

#include <doctest/doctest.h>

#include <string>

namespace limits = condolock::engine::redis::limits;
using condolock::engine::redis::format_command;
using condolock::engine::redis::RespReader;
using condolock::engine::redis::RespValue;
using Kind = RespValue::Kind;
using namespace std::string_literals;

TEST_CASE("commands are length-prefixed, so any byte is data") {
  CHECK(format_command({"GET", "a\r\n$1"}) == "*2\r\n$3\r\nGET\r\n$5\r\na\r\n$1\r\n");
  CHECK(format_command({std::string_view("\0", 1), ""}) == "*2\r\n$1\r\n\0\r\n$0\r\n\r\n"s);
}

TEST_CASE("replies may arrive in any portions") {
  const std::string bytes = "*3\r\n$5\r\nhe\r\no\r\n:-42\r\n*2\r\n$-1\r\n+OK\r\n-ERR no\r\n";
  for (std::size_t portion = 1; portion <= bytes.size(); ++portion) {
    RespReader reader;
    std::vector<RespValue> replies;
    for (std::size_t at = 0; at < bytes.size(); at += portion) {
      reader.feed(std::string_view(bytes).substr(at, portion));
      while (auto reply = reader.next()) replies.push_back(*reply);
    }
    REQUIRE(replies.size() == 2);
    REQUIRE(replies[0].items.size() == 3);
    CHECK(replies[0].items[0].text == "he\r\no");
    CHECK(replies[0].items[1].kind == Kind::integer);
    CHECK(replies[0].items[1].text == "-42");
    CHECK(replies[0].items[2].items[0].kind == Kind::nil);
    CHECK(replies[0].items[2].items[1].kind == Kind::status);
    CHECK(replies[1].kind == Kind::error);
    CHECK(replies[1].text == "ERR no");
  }
}

TEST_CASE("input that is not RESP is a lasting error") {
  for (const std::string bytes :
       {"HTTP/1.1 400 Bad Request\r\n", "*abc\r\n", "$-2\r\n", "\r\n", "*-7\r\n", ":\r\n",
        // RESP3, which condolock never requests
        ",1.5\r\n", "#t\r\n", "_\r\n", "(123\r\n", "%1\r\n:1\r\n:2\r\n", "*2\r\n:1\r\n,1.5\r\n", "*2\r\n:1\r\n#t\r\n"}) {
    CAPTURE(bytes);
    RespReader reader;
    reader.feed(bytes);
    static_cast<void>(reader.next());
    CHECK_FALSE(reader.error().empty());
    reader.feed("+OK\r\n");
    CHECK_FALSE(reader.next());
  }
}

TEST_CASE("a declared size allocates nothing") {
  for (const std::string bytes : {"*2147483647\r\n:1\r\n", "*1000000000\r\n", "$500000000\r\nab"}) {
    RespReader reader;
    reader.feed(bytes);
    CHECK_FALSE(reader.next());  // an error, or waiting for more: in bounded memory
  }
}

std::string nested_arrays(std::size_t depth) {
  std::string bytes;
  for (std::size_t i = 0; i < depth; ++i) bytes += "*1\r\n";
  return bytes;
}

TEST_CASE("arrays nest down to a limit") {
  RespReader at_limit;
  at_limit.feed(nested_arrays(limits::max_reply_depth) + ":1\r\n");
  auto reply = at_limit.next();
  REQUIRE(reply);
  for (std::size_t depth = 0; depth < limits::max_reply_depth; ++depth) {
    REQUIRE(reply->items.size() == 1);
    reply = RespValue(reply->items[0]);
  }
  CHECK(reply->text == "1");

  // The array that exceeds the limit is refused at once, so what follows it allocates nothing.
  for (const std::size_t depth : {limits::max_reply_depth + 1, std::size_t{1'000'000}}) {
    CAPTURE(depth);
    RespReader whole;
    whole.feed(nested_arrays(depth));
    CHECK_FALSE(whole.next());
    CHECK(whole.error() == "the reply has arrays more than 7 deep");

    RespReader portions;
    std::size_t fed = 0;
    for (; fed < depth && portions.error().empty(); ++fed) {
      portions.feed(nested_arrays(1));
      CHECK_FALSE(portions.next());
    }
    CHECK(fed == limits::max_reply_depth + 1);
  }
}

TEST_CASE("the number and the length of values are limited") {
  RespReader many;
  std::string numbers = "*300000\r\n";
  for (int i = 0; i < 300'000; ++i) numbers += ":1\r\n";
  many.feed(numbers);
  CHECK_FALSE(many.next());
  CHECK(many.error() == "the reply has more than 200000 values");
  CHECK(many.is_over_limit());

  RespReader large;
  const std::string megabyte(std::size_t{1} << 20U, 'x');
  large.feed("$20000000\r\n");
  for (int i = 0; i < 9 && large.error().empty(); ++i) large.feed(megabyte);
  CHECK(large.error() == "the reply is longer than 8 MiB");
  CHECK(large.is_over_limit());

  RespReader garbled;
  garbled.feed("HTTP/1.1 400 Bad Request\r\n");
  CHECK_FALSE(garbled.next());
  CHECK_FALSE(garbled.is_over_limit());
}

TEST_CASE("a reader without input is still empty after next()") {
  RespReader reader;
  CHECK(reader.is_empty());
  reader.feed("+OK\r\n");
  CHECK(reader.next());
  CHECK_FALSE(reader.next());
  CHECK(reader.is_empty());
  reader.feed("*");
  CHECK_FALSE(reader.next());
  CHECK_FALSE(reader.is_empty());
}
