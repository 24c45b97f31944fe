#include "engine/redis/url.hpp"

#include <doctest/doctest.h>

#include <string>

using condolock::engine::redis::is_unsupported;
using condolock::engine::redis::parse_url;
using condolock::engine::redis::Target;
using condolock::engine::redis::without_password;

namespace {

Target parsed(const std::string& url) {
  CAPTURE(url);
  const auto target = parse_url(url);
  REQUIRE(target);
  return *target;
}

}  // namespace

TEST_CASE("TCP URLs") {
  CHECK(parsed("redis://h").shown() == "h:6379");
  CHECK(parsed("redis://h/").database == 0);
  CHECK(parsed("valkey://h:1/7").shown() == "h:1");
  CHECK(parsed("valkey://h:1/7").database == 7);
  CHECK(parsed("redis://[::1]:6380").shown() == "[::1]:6380");
  CHECK(parsed("redis://[::1]").host == "::1");
  const Target full = parsed("redis://us%20er:p%40%3a:@ss@h:65535/15");
  CHECK(full.user == "us er");
  CHECK(full.password == "p@::@ss");
  CHECK(full.port == 65535);
  CHECK(full.database == 15);
  CHECK(parsed("redis://:secret@h").password == "secret");
  CHECK(parsed("redis://:secret@h").user.empty());
  CHECK(parsed("redis://user@h").user == "user");
}

TEST_CASE("Unix socket URLs") {
  const Target target = parsed("unix:///tmp/a/redis.sock?db=3");
  CHECK(target.path == "/tmp/a/redis.sock");
  CHECK(target.host.empty());
  CHECK(target.database == 3);
  CHECK(target.shown() == "/tmp/a/redis.sock");
  CHECK(parsed("unix://u:pw@/s").password == "pw");
}

TEST_CASE("URLs that are refused, without repeating them") {
  for (const std::string url : {"",
                                "h:6379",
                                "redis:h",
                                "http://h",
                                "redis://",
                                "redis://:pw@",
                                "redis://h:",
                                "redis://h:0",
                                "redis://h:65536",
                                "redis://h:x",
                                "redis://h/x",
                                "redis://h/-1",
                                "redis://h/1/2",
                                "redis://h?db=1",
                                "redis://::1",
                                "redis://[::1",
                                "redis://[::1]x",
                                "redis://u:%zz@h",
                                "redis://u:%4@h",
                                "redis://h\n",
                                "unix://rel/path",
                                "unix:///s?x=1",
                                "unix:///s?db=x",
                                "redis://secret:word@h:port"}) {
    CAPTURE(url);
    const auto target = parse_url(url);
    REQUIRE_FALSE(target);
    CHECK(target.error().text.find("secret") == std::string::npos);
    CHECK(target.error().text.find("unix:///path/to/socket") != std::string::npos);
  }
  CHECK_FALSE(parse_url("unix:///" + std::string(107, 'x')));
  CHECK(parse_url("unix:///" + std::string(106, 'x')));
}

TEST_CASE("kinds that have their own issue are known by name") {
  for (const char* url : {"rediss://h", "valkeys://h", "redis+sentinel://h/m", "redis+cluster://h"}) {
    CHECK(is_unsupported(url));
  }
  CHECK_FALSE(is_unsupported("redis://h"));
}

TEST_CASE("a password is taken out of anything that may be a URL") {
  CHECK(without_password("redis://u:pw@h:1/2") == "redis://u@h:1/2");
  CHECK(without_password("redis://:pw@h") == "redis://h");
  CHECK(without_password("redis://u:p/w@h@i") == "redis://u@i");
  CHECK(without_password("rediss://u:pw@h") == "rediss://u@h");
  for (const char* url : {"redis://u@h:1", "redis://h:1/2", "unix:///tmp/a:b@c", "nonsense", ""}) {
    CHECK(without_password(url) == url);
  }
}
