// What doctor says about real servers.
#include <doctest/doctest.h>

#include "engine/redis/permissions.hpp"
#include "redis/diagnosis.hpp"

using namespace support;
using engine::redis::RedisEngine;
using Level = engine::Finding::Level;

namespace {

std::vector<engine::Finding> examine_scripted(const std::string& info, std::int64_t ahead = 0,
                                              const char* host = "127.0.0.1") {
  Scripted engine(info, ahead);
  engine::redis::Target target;
  target.host = host;
  return diagnose(engine, target, Millis(1000)).findings;
}

Level version_level(const std::string& info) { return find(examine_scripted(info), "version").level; }

}  // namespace

TEST_CASE("doctor: it has a sample of every command of the scripts") {
  RedisServer& server = support::empty_server();
  const auto used = engine::redis::used_commands();
  CHECK(used.size() >= 20);
  for (const std::string& command : used) {
    CAPTURE(command);
    const auto sample = engine::redis::sample_of(command, keys);
    REQUIRE(sample);
    std::vector<std::string> question{"ACL", "DRYRUN", "default"};
    question.insert(question.end(), sample->begin(), sample->end());
    CHECK(server.command(question) == "OK");
  }
  CHECK_FALSE(engine::redis::sample_of("FLUSHALL", keys));
}

TEST_CASE("doctor: a suitable server has no problems") {
  RedisServer server({"--appendonly", "yes", "--appendfsync", "everysec"});
  const std::string before = server.command({"DBSIZE"});
  const auto findings = examine(server.target());
  for (const engine::Finding& finding : findings) {
    CAPTURE(finding.check);
    CAPTURE(finding.found);
    CHECK(finding.level == Level::good);
    CHECK(finding.advice.empty());
    CHECK_FALSE(finding.found.empty());
  }
  for (const char* check : {"reachable", "transport", "round trip", "clock", "version", "role", "replicas", "persistence",
                            "eviction", "permissions", "waiting", "trial run"}) {
    find(findings, check);
  }
  CHECK(server.command({"DBSIZE"}) == before);
  RedisEngine engine(server.target());
  const engine::Diagnosis diagnosis = diagnose(engine, server.target(), Millis(2000));
  CHECK(diagnosis.can_run);
  CHECK(diagnosis.role == "primary");
  CHECK_FALSE(diagnosis.version.empty());
}

TEST_CASE("doctor: persistence is checked") {
  RedisServer server;
  CHECK(look(server, "persistence").level == Level::warning);
  CHECK(look(server, "persistence").found.find("none") == 0);
  server.command({"CONFIG", "SET", "save", "900 1"});
  CHECK(look(server, "persistence").level == Level::warning);
  CHECK(look(server, "persistence").found.find("snapshots only") == 0);
  server.command({"CONFIG", "SET", "appendonly", "yes"});
  server.command({"CONFIG", "SET", "appendfsync", "no"});
  CHECK(look(server, "persistence").level == Level::warning);
  server.command({"CONFIG", "SET", "appendfsync", "always"});
  CHECK(look(server, "persistence").level == Level::good);
}

TEST_CASE("doctor: eviction is checked") {
  RedisServer server;
  const auto level = [&](const char* policy, const char* max) {
    server.command({"CONFIG", "SET", "maxmemory-policy", policy});
    server.command({"CONFIG", "SET", "maxmemory", max});
    return look(server, "eviction").level;
  };
  CHECK(level("allkeys-lru", "100mb") == Level::error);
  CHECK(level("allkeys-random", "0") == Level::warning);
  CHECK(level("volatile-ttl", "100mb") == Level::warning);
  CHECK(level("volatile-ttl", "0") == Level::good);
  CHECK(level("noeviction", "100mb") == Level::good);
}

TEST_CASE("doctor: a replica is an error") {
  RedisServer server;
  server.command({"REPLICAOF", "127.0.0.1", "1"});
  const engine::Finding role = look(server, "role");
  CHECK(role.level == Level::error);
  CHECK(role.advice == "use the URL of the primary: 127.0.0.1:1");
}

TEST_CASE("doctor: missing permissions are named, and the advice is enough") {
  RedisServer server;
  server.command({"ACL", "SETUSER", "job", "on", ">pw", "~{ns}:*", "+@all", "-@admin", "-zadd", "-blpop", "+acl"});
  auto findings = examine(as(server, "job", "pw"));
  const engine::Finding permissions = find(findings, "permissions");
  CHECK(permissions.level == Level::error);
  CHECK(permissions.found == "user job lacks: BLPOP ROLE ZADD");
  CHECK(find(findings, "trial run").level == Level::error);

  std::vector<std::string> words;
  std::string rest = permissions.advice + " ";
  for (std::size_t space = 0; (space = rest.find(' ')) != std::string::npos; rest.erase(0, space + 1)) {
    words.push_back(rest.substr(0, space));
  }
  server.command({"ACL", "SETUSER", "job", "reset", "on", ">pw"});
  CHECK_THROWS(server.command({"ACL", "NOSUCH"}));
  server.command(words);
  server.command({"ACL", "SETUSER", "job", "+acl"});  // so that the test can ask
  CHECK(find(examine(as(server, "job", "pw")), "permissions").level == Level::good);
  CHECK(find(examine(as(server, "job", "pw")), "waiting").level == Level::good);
}

TEST_CASE("doctor: the permission for keys of another namespace is not enough") {
  RedisServer server;
  server.command({"ACL", "SETUSER", "job", "on", ">pw", "~{other}:*", "+@all"});
  for (const char* acl : {"+acl", "-acl"}) {
    server.command({"ACL", "SETUSER", "job", acl});
    const engine::Finding finding = find(examine(as(server, "job", "pw")), "permissions");
    CHECK(finding.level == Level::error);
    CHECK(finding.found == "user job lacks: the keys {ns}:*");
    CHECK(finding.advice.starts_with("ACL SETUSER job ~{ns}:* +blpop "));
  }
}

TEST_CASE("doctor: a user without permission to ask is told what is unknown") {
  RedisServer server;
  server.command({"ACL", "SETUSER", "job", "on", ">pw", "~{ns}:*", "+@all", "-@admin", "-@dangerous"});
  const auto findings = examine(as(server, "job", "pw"));
  for (const char* check : {"version", "role", "persistence", "eviction"}) {
    CAPTURE(check);
    CHECK(find(findings, check).level == Level::unknown);
  }
  CHECK(find(findings, "permissions").found == "user job lacks: ROLE");
  CHECK(find(findings, "reachable").level == Level::good);

  // ROLE gives the role that INFO would give.
  server.command({"ACL", "SETUSER", "job", "+role"});
  CHECK(find(examine(as(server, "job", "pw")), "role").level == Level::good);
  server.command({"REPLICAOF", "127.0.0.1", "1"});
  CHECK(find(examine(as(server, "job", "pw")), "role").level == Level::error);
}

TEST_CASE("doctor: a user who may not run scripts is reported, even if ACL cannot be asked") {
  RedisServer server;
  server.command({"ACL", "SETUSER", "job", "on", ">pw", "~{ns}:*", "+@all", "-@scripting", "-acl"});
  const auto findings = examine(as(server, "job", "pw"));
  CHECK(find(findings, "trial run").level == Level::error);
  CHECK(find(findings, "trial run").found.find("NOPERM") != std::string::npos);
  CHECK(find(findings, "permissions").found == "user job lacks: EVAL EVALSHA");
}

TEST_CASE("doctor: a server without the database does not count as reachable") {
  RedisServer server;
  server.command({"ACL", "SETUSER", "job", "on", ">pw", "~{ns}:*", "+@all", "-select"});
  engine::redis::Target target = as(server, "job", "pw");
  target.database = 3;
  auto findings = examine(target);
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].level == Level::error);
  CHECK(findings[0].advice == "allow this user the command SELECT");
  target = server.target();
  target.database = 99;
  findings = examine(target);
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].advice == "use an existing database number in the URL");
  server.command({"ACL", "SETUSER", "job", "+select", "-ping"});
  CHECK(find(examine(as(server, "job", "pw")), "reachable").level == Level::good);
}

TEST_CASE("doctor: a server that refuses writes is an error") {
  RedisServer server({"--appendonly", "yes"});
  server.command({"CONFIG", "SET", "min-replicas-to-write", "1"});
  const engine::Finding writes = look(server, "trial run");
  CHECK(writes.level == Level::error);
  CHECK(writes.found.find("NOREPLICAS") != std::string::npos);
  server.command({"CONFIG", "SET", "min-replicas-to-write", "0"});
  server.command({"CONFIG", "SET", "maxmemory", "1"});
  CHECK(look(server, "eviction").level == Level::error);
}

TEST_CASE("doctor: old and unreadable versions are errors") {
  CHECK(version_level("redis_version:6.0.16\r\n") == Level::error);
  CHECK(version_level("redis_version:6.2.0\r\n") == Level::good);
  CHECK(version_level("redis_version:8.0.1\r\n") == Level::good);
  CHECK(version_level("redis_version:7.2.4\r\nvalkey_version:7.0.0\r\n") == Level::error);
  CHECK(version_level("redis_version:7.2.4\r\nvalkey_version:8.1.0\r\n") == Level::good);
  CHECK(version_level("redis_version:garbage\r\n") == Level::error);
}

TEST_CASE("doctor: a Sentinel is known by redis_mode, or by server_mode of Valkey 8") {
  for (const char* mode : {"redis_mode:sentinel\r\n", "server_mode:sentinel\r\n"}) {
    const engine::Finding role = find(examine_scripted(mode), "role");
    CHECK(role.found == "this is a Sentinel, which stores no records: runs cannot start");
  }
}

TEST_CASE("doctor: clocks, transports, a Cluster, a full disk and replicas are checked") {
  CHECK(find(examine_scripted("", 90), "clock").found.find("1m") == 0);
  CHECK(find(examine_scripted("", 90), "clock").level == Level::warning);
  CHECK(find(examine_scripted("", -90), "clock").found.find("behind") != std::string::npos);
  CHECK(find(examine_scripted(""), "transport").level == Level::good);
  CHECK(find(examine_scripted("", 0, "10.1.2.3"), "transport").level == Level::warning);
  CHECK(find(examine_scripted("redis_version:7.0.0\r\ncluster_enabled:1\r\n"), "cluster").level == Level::warning);
  CHECK(find(examine_scripted("aof_enabled:1\r\naof_last_write_status:err\r\n"), "disk").level == Level::error);
  CHECK(find(examine_scripted("role:master\r\nconnected_slaves:2\r\n"), "replicas").found.find("2, with") == 0);
}

TEST_CASE("doctor: no server and a wrong password are errors") {
  engine::redis::Target nowhere;
  nowhere.path = "/nonexistent/redis.sock";
  nowhere.host.clear();
  auto findings = examine(nowhere);
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].level == Level::error);
  CHECK(findings[0].advice.find("start the server") == 0);

  RedisServer server({"--requirepass", "pw"});
  findings = examine(as(server, "", "wrong"));
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].level == Level::error);
  CHECK(findings[0].advice.find("give the right user and password") == 0);
}
