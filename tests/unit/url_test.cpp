#include "engine/redis/url.hpp"

#include <doctest/doctest.h>

#include <string>

using condolock::engine::redis::parse_url;
using condolock::engine::redis::Target;
using condolock::engine::redis::Topology;
using condolock::engine::redis::without_password;

namespace {

Target parsed(const std::string& url) {
  CAPTURE(url);
  const auto target = parse_url(url);
  REQUIRE(target);
  return *target;
}

}  // namespace

TEST_CASE("TCP URLs are parsed") {
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

TEST_CASE("Unix socket URLs are parsed") {
  const Target target = parsed("unix:///tmp/a/redis.sock?db=3");
  CHECK(target.path == "/tmp/a/redis.sock");
  CHECK(target.host.empty());
  CHECK(target.database == 3);
  CHECK(target.shown() == "/tmp/a/redis.sock");
  CHECK(parsed("unix://u:pw@/s").password == "pw");
}

TEST_CASE("invalid URLs are refused, and never repeated") {
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
  }
  CHECK_FALSE(parse_url("unix:///" + std::string(107, 'x')));
  CHECK(parse_url("unix:///" + std::string(106, 'x')));
}

namespace {

// The error, without the list of accepted forms.
std::string why_not(const std::string& url) {
  const auto target = parse_url(url);
  if (target) return "parsed: " + target->shown();
  return target.error().text.substr(8, target.error().text.find("; use redis[s]://") - 8);
}

}  // namespace

TEST_CASE("an error says what is wrong with a URL") {
  for (const std::string scheme : {"redis", "valkey"}) {
    CHECK(why_not(scheme + "://:pa/ss@host") == "has a / before an @ (in a user or password write it as %2F)");
    CHECK(why_not(scheme + "://us/er:pass@host/0") == "has a / before an @ (in a user or password write it as %2F)");
    CHECK(why_not(scheme + "://u:p@x/y@host") == "has a / before an @ (in a user or password write it as %2F)");
    CHECK(why_not(scheme + "://u:p?ss@host") == "has a ? before an @ (in a user or password write it as %3F)");
    CHECK(why_not(scheme + "://u:p#ss@host") == "has a # before an @ (in a user or password write it as %23)");
  }
  CHECK(why_not("unix://:p/w@/s") == "has a / before an @ (in a user or password write it as %2F)");
  CHECK(parsed("redis://u:%2F%3F%23%40%25@h").password == "/?#@%");
  CHECK(why_not("redis://u:100%@h") == "has a % without two hex digits in its user or password (write a plain % as %25)");
  CHECK(why_not("redis://h1,h2") == "names several hosts: name one, or write redis+sentinel:// or redis+cluster://");
  CHECK(why_not("redis://u:p,w@h1:1,h2:2/0") ==
        "names several hosts: name one, or write redis+sentinel:// or redis+cluster://");
  CHECK(parsed("redis://u:p,w@h1").password == "p,w");
  CHECK(why_not("'redis://h'") == "has quotes around it: remove them");
  CHECK(why_not("\"redis://h\"") == "has quotes around it: remove them");
  CHECK(why_not("localhost:6379") == "has no known scheme");
  CHECK(why_not("redis:localhost") == "has no // after its scheme");
  CHECK(why_not("unix:/run/redis.sock") == "has no // after its scheme");
  CHECK(why_not("http://h") == "has an unknown scheme");
  CHECK(why_not("redis://u:p w@h") == "has a space in it (in a password or path write it as %20)");
  CHECK(why_not("redis://h\r") == "has a line end or a control character in it: remove it");
  CHECK(why_not("redis://h:70000") == "has an invalid port: use a number from 1 to 65535");
  CHECK(why_not("redis://h:") == "has an invalid port: use a number from 1 to 65535");
  CHECK(why_not("redis:///0") == "names no host (for this machine write 127.0.0.1)");
  CHECK(why_not("redis://:6379") == "names no host (for this machine write 127.0.0.1)");
  CHECK(why_not("redis://h:1:2") == "has more than one : after its host (an IPv6 address needs [ and ])");
  CHECK(why_not("redis://::x") == "names no host (for this machine write 127.0.0.1)");
  CHECK(why_not("unix:///") == "names a directory, not a socket");
  CHECK(why_not("unix:///run/redis/?db=1") == "names a directory, not a socket");
  CHECK(why_not("redis://h/0/extra") == "has an invalid database: use a number from 0 to 2147483647");
  CHECK(why_not("redis://h/-1") == "has an invalid database: use a number from 0 to 2147483647");
  CHECK(why_not("redis://h?db=1") == "has an unknown ? or # part (write a database as /N)");
  CHECK(why_not("redis://[h]") == "has no IPv6 address between [ and ]");
}

TEST_CASE("an IPv6 address without brackets is refused with the form to write") {
  for (const std::string host :
       {"::1", "::", "fe80::1", "2001:db8:0:0:0:0:0:1", "::ffff:10.0.0.1", "fe80::1%eth0", "fe80::1%25eth0"}) {
    for (const std::string before : {"", "user@", ":pw@", "user:pw@"}) {
      for (const std::string after : {"", "/", "/3", ":6379", ":6379/3", ":no-port"}) {
        const std::string url = std::string("redis://").append(before).append(host).append(after);
        CAPTURE(url);
        CHECK(why_not(url) == "has an IPv6 address without brackets: write it as in redis://[::1]:6379/0");
      }
    }
  }
}

TEST_CASE("the zone of an IPv6 address is accepted as RFC 6874 writes it and bare") {
  CHECK(parsed("redis://[fe80::1%25eth0]").host == "fe80::1%eth0");
  CHECK(parsed("redis://[fe80::1%25eth0]:7000/2").shown() == "[fe80::1%eth0]:7000");
  CHECK(parsed("redis://u:p@[fe80::1%25eth%2D0]").host == "fe80::1%eth-0");
  CHECK(parsed("redis://[fe80::1%eth0]").host == "fe80::1%eth0");
  CHECK(parsed("redis://[fe80::1%251]").host == "fe80::1%1");
  CHECK(parsed("redis://[fe80::1%25]").host == "fe80::1%25");  // the 25th interface: a zone is never empty
  CHECK(why_not("redis://[fe80::1%]") == "has no IPv6 address between [ and ]");
  CHECK(why_not("redis://[fe80::1%25e%zz]") == "has no IPv6 address between [ and ]");
}

TEST_CASE("the path of a Unix socket is percent-decoded") {
  CHECK(parsed("unix:///tmp/a%20b%3Fc%25?db=1").path == "/tmp/a b?c%");
  CHECK(why_not("unix:///tmp/100%") == "has a % without two hex digits in its path (write a plain % as %25)");
  CHECK(why_not("unix:///tmp/a%00b") == "has a %00 in its path, which no path can have");
}

TEST_CASE("rediss:// and valkeys:// are TLS, and nothing else is") {
  for (const char* url : {"rediss://u:pw@h:1/2", "valkeys://u:pw@h:1/2"}) {
    CHECK(parsed(url).tls);
    CHECK(parsed(url).host == "h");
    CHECK(parsed(url).port == 1);
    CHECK(parsed(url).database == 2);
    CHECK(parsed(url).password == "pw");
  }
  for (const char* url : {"redis://h", "valkey://h", "unix:///s"}) CHECK_FALSE(parsed(url).tls);
}

TEST_CASE("redis+sentinel:// names Sentinels and a primary") {
  const auto target = parsed("redis+sentinel://u:p%40w@a,[::1]:7000,c:1/my%20master/3");
  CHECK(target.topology == Topology::sentinel);
  CHECK(target.primary == "my master");
  CHECK(target.database == 3);
  CHECK(target.user == "u");
  CHECK(target.password == "p@w");
  CHECK_FALSE(target.tls);
  REQUIRE(target.others.size() == 3);
  CHECK(target.others[0].shown() == "a:26379");
  CHECK(target.others[1].shown() == "[::1]:7000");
  CHECK(target.others[2].shown() == "c:1");
  CHECK(target.shown() == "my master at the Sentinels a:26379, [::1]:7000, c:1");
  for (const char* url : {"rediss+sentinel://h/m", "valkeys+sentinel://h/m"}) CHECK(parsed(url).tls);
  CHECK(parsed("valkey+sentinel://h/m/").shown() == "m at the Sentinel h:26379");
}

TEST_CASE("redis+cluster:// names nodes, and has only database 0") {
  const auto target = parsed("rediss+cluster://:pw@a,b:7000/0");
  CHECK(target.topology == Topology::cluster);
  CHECK(target.tls);
  CHECK(target.password == "pw");
  CHECK(target.shown() == "the Cluster at a:6379, b:7000");
  CHECK(parsed("valkey+cluster://h").others.size() == 1);
}

TEST_CASE("URLs of Sentinels and Clusters say what is wrong with them") {
  const auto why = [](const char* url) { return parse_url(url).error().text; };
  CHECK(why("redis+sentinel://h") == why("redis+sentinel://h/"));
  CHECK(why("redis+sentinel://h").find("names no primary") != std::string::npos);
  CHECK(why("redis+sentinel://a,,b/m").find("names no host") != std::string::npos);
  CHECK(why("redis+sentinel://a,b:x/m").find("invalid port") != std::string::npos);
  CHECK(why("redis+sentinel://a/m/x").find("invalid database") != std::string::npos);
  CHECK(why("redis+sentinel://a/m%/0").find("primary's name") != std::string::npos);
  CHECK(why("redis+cluster://a/1").find("only database 0") != std::string::npos);
  CHECK(why("redis://a,b").find("write redis+sentinel:// or redis+cluster://") != std::string::npos);
  CHECK(why("redis+other://a").find("unknown scheme") != std::string::npos);
  CHECK(why("unix+cluster://a").find("unknown scheme") != std::string::npos);
  CHECK(why("redis+cluster:a").find("has no //") != std::string::npos);
}

TEST_CASE("read_endpoint reads what a server names, and nothing else") {
  const auto shown = [](const char* text) {
    const auto endpoint = condolock::engine::redis::read_endpoint(text);
    return endpoint ? endpoint->shown() : "none";
  };
  CHECK(shown("10.0.0.1:7000") == "10.0.0.1:7000");
  CHECK(shown("::1:7000") == "[::1]:7000");
  CHECK(shown("[::1]:7000") == "[::1]:7000");
  CHECK(shown("node.example:7000") == "node.example:7000");
  CHECK(condolock::engine::redis::read_endpoint(":7000")->host.empty());
  for (const char* text : {"", "h", "h:", "h:0", "h:65536", "h:x", "a b:1", "a\x1b:1", "a\n:1"})
    CHECK(shown(text) == "none");
}

TEST_CASE("without_password removes the password from anything that may be a URL") {
  CHECK(without_password("redis://u:pw@h:1/2") == "redis://u@h:1/2");
  CHECK(without_password("redis://:pw@h") == "redis://h");
  CHECK(without_password("redis://u:p/w@h@i") == "redis://u@i");
  CHECK(without_password("rediss://u:pw@h") == "rediss://u@h");
  CHECK(without_password("rediss+sentinel://u:pw@h,i:1/m") == "rediss+sentinel://u@h,i:1/m");
  CHECK(without_password("redis+cluster://:pw@h,i") == "redis+cluster://h,i");
  for (const char* url : {"redis://u@h:1", "redis://h:1/2", "unix:///tmp/a:b@c", "nonsense", ""}) {
    CHECK(without_password(url) == url);
  }
}
