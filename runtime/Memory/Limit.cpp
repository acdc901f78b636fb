#include "Memory/Limit.h"
#include "tpc/runtime/Error.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <optional>

namespace tpc::runtime {
namespace {

/// The number after `key` in a file of lines "key: 123 kB"; nothing if there is no such line.
std::optional<uint64_t> readKey(const std::string &path, const std::string &key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    if (line.compare(0, key.size(), key) == 0)
      return std::strtoull(line.c_str() + key.size(), nullptr, 10);
  return std::nullopt;
}

/// A file that holds one number; nothing if it is missing or says "max".
std::optional<uint64_t> readNumber(const std::string &path) {
  std::ifstream file(path);
  uint64_t value;
  if (!(file >> value))
    return std::nullopt;
  return value;
}

struct CgroupFiles {
  std::string folder, limit, usage, cache;
};

/// What one cgroup leaves: its limit less what is used, page cache that can be dropped not counted.
std::optional<uint64_t> leftIn(const CgroupFiles &files) {
  auto limit = readNumber(files.folder + "/" + files.limit);
  auto usage = readNumber(files.folder + "/" + files.usage);
  if (!limit || !usage || *limit > (uint64_t(1) << 60))
    return std::nullopt;
  uint64_t cache = readKey(files.folder + "/memory.stat", files.cache).value_or(0);
  uint64_t used = *usage - std::min(*usage, cache);
  return *limit - std::min(*limit, used);
}

/// The cgroup of this process in the hierarchy of `controller`; the unified one has no controllers.
/// Lines of /proc/self/cgroup read "4:cpu,memory:/path" or "0::/path".
std::optional<std::string> cgroupPath(const std::string &root, const std::string &controller) {
  std::ifstream file(root + "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos)
      continue;
    std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    if (controllers.find("," + controller + ",") != std::string::npos)
      return line.substr(second + 1);
  }
  return std::nullopt;
}

/// The least that is left in the cgroup and its ancestors.
std::optional<uint64_t> leftUpTo(const std::string &mount, std::string path, CgroupFiles files) {
  std::optional<uint64_t> least;
  while (true) {
    files.folder = mount + (path == "/" ? "" : path);
    if (auto left = leftIn(files))
      least = std::min(least.value_or(*left), *left);
    if (path.empty() || path == "/")
      return least;
    path = path.substr(0, path.rfind('/'));
  }
}

} // namespace

MemoryLimit availableMemory(const std::string &root) {
  MemoryLimit result{readKey(root + "proc/meminfo", "MemAvailable:").value_or(uint64_t(1) << 50)
                         << 10,
                     "the machine"};
  auto consider = [&](std::optional<uint64_t> left) {
    if (left && *left < result.bytes)
      result = {*left, "the cgroup"};
  };
  if (auto path = cgroupPath(root, ""))
    consider(leftUpTo(root + "sys/fs/cgroup", *path,
                      {"", "memory.max", "memory.current", "inactive_file "}));
  if (auto path = cgroupPath(root, "memory"))
    consider(
        leftUpTo(root + "sys/fs/cgroup/memory", *path,
                 {"", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file "}));
  return result;
}

void checkMemory(uint64_t bytes, int ranks, const MemoryLimit &limit) {
  uint64_t total = bytes * static_cast<uint64_t>(ranks);
  if (total <= limit.bytes)
    return;
  throw Error("not enough memory: the program needs " + printBytes(total) + " (" +
              std::to_string(ranks) + " x " + printBytes(bytes) + " on this host), " +
              limit.source + " has " + printBytes(limit.bytes) +
              " left: compile with a smaller --batch or --seq or a larger tp, use more hosts, or "
              "raise the limit");
}

uint64_t proportionalSetSize() {
  return readKey("/proc/self/smaps_rollup", "Pss:").value_or(0) << 10;
}

std::string printBytes(uint64_t bytes) {
  static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024)
    return std::to_string(bytes) + " bytes";
  double value = static_cast<double>(bytes) / 1024;
  int unit = 0;
  for (; value >= 1024 && unit < 3; ++unit)
    value /= 1024;
  char text[32];
  std::snprintf(text, sizeof(text), "%.*f %s",
                value < 10    ? 2
                : value < 100 ? 1
                              : 0,
                value, units[unit]);
  return text;
}

} // namespace tpc::runtime
