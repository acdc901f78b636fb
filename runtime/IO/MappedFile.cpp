#include "IO/MappedFile.h"
#include "tpc/runtime/Error.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace tpc::runtime {

[[noreturn]] static void cannotRead(const std::string &path, const char *why) {
  throw Error("cannot read " + path + ": " + why);
}

MappedFile::MappedFile(const std::string &path) : name(path) {
  int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a pipe must not keep us
  if (file < 0)
    cannotRead(path, std::strerror(errno));
  struct stat status;
  const char *problem = nullptr;
  if (fstat(file, &status) != 0)
    problem = std::strerror(errno);
  else if (!S_ISREG(status.st_mode))
    problem = S_ISDIR(status.st_mode) ? "it is a folder" : "it is not a regular file";
  else if (status.st_size == 0)
    problem = "it is empty";
  void *mapped = MAP_FAILED;
  if (!problem) {
    length = static_cast<size_t>(status.st_size);
    mapped = mmap(nullptr, length, PROT_READ, MAP_SHARED, file, 0);
    if (mapped == MAP_FAILED)
      problem = std::strerror(errno);
  }
  close(file);
  if (problem)
    cannotRead(path, problem);
  bytes = static_cast<const char *>(mapped);
}

MappedFile::MappedFile(MappedFile &&other) noexcept
    : name(std::move(other.name)), bytes(std::exchange(other.bytes, nullptr)),
      length(std::exchange(other.length, 0)) {}

MappedFile::~MappedFile() {
  if (bytes)
    munmap(const_cast<char *>(bytes), length);
}

std::string readTextFile(const std::string &path) {
  MappedFile file(path);
  return std::string(file.data(), file.size());
}

} // namespace tpc::runtime
