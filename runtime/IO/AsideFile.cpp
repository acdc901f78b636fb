#include "IO/AsideFile.h"
#include "tpc/runtime/Error.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>
#include <utility>

namespace tpc::runtime {

[[noreturn]] static void cannotWrite(const std::string &path, int error,
                                     const std::string &detail = "") {
  throw Error("cannot write " + path + ": " + std::strerror(error) + detail);
}

AsideFile::AsideFile(std::string finalPath)
    : path(std::move(finalPath)), aside(path + ".partial") {}

AsideFile::AsideFile(const std::string &finalPath, uint64_t bytes) : AsideFile(finalPath) {
  file = open(aside.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0)
    cannotWrite(path, errno);
  owner = true;
  int error = bytes ? posix_fallocate(file, 0, static_cast<off_t>(bytes)) : 0;
  if (error == 0 || error == EOPNOTSUPP || error == EINVAL)
    return;
  close(std::exchange(file, -1));
  unlink(aside.c_str());
  cannotWrite(path, error, ", it needs " + std::to_string(bytes) + " bytes");
}

AsideFile AsideFile::join(const std::string &finalPath) {
  AsideFile result(finalPath);
  result.file = open(result.aside.c_str(), O_RDWR | O_CLOEXEC);
  if (result.file < 0)
    cannotWrite(finalPath, errno, ", all ranks must see the same folder");
  return result;
}

AsideFile::AsideFile(AsideFile &&other) noexcept
    : path(std::move(other.path)), aside(std::move(other.aside)),
      file(std::exchange(other.file, -1)), owner(std::exchange(other.owner, false)) {}

AsideFile::~AsideFile() {
  if (file >= 0)
    close(file);
  if (owner)
    unlink(aside.c_str());
}

void AsideFile::write(uint64_t offset, const void *data, uint64_t size) {
  auto *bytes = static_cast<const char *>(data);
  while (size > 0) {
    ssize_t done = pwrite(file, bytes, size, static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR)
      continue;
    if (done <= 0)
      cannotWrite(path, done < 0 ? errno : ENOSPC);
    bytes += done, offset += static_cast<uint64_t>(done), size -= static_cast<uint64_t>(done);
  }
}

void AsideFile::sync() {
  if (fsync(file) != 0)
    cannotWrite(path, errno);
}

void AsideFile::commit() {
  sync();
  renameDurably(aside, path);
  owner = false;
}

void writeTextFile(const std::string &path, const std::string &text) {
  AsideFile file(path, text.size());
  file.write(0, text.data(), text.size());
  file.commit();
}

void makeFolder(const std::string &path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error)
    throw Error("cannot create the folder " + path + ": " + error.message());
}

void removeFolder(const std::string &path) noexcept {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

void renameDurably(const std::string &from, const std::string &to) {
  if (std::rename(from.c_str(), to.c_str()) != 0)
    cannotWrite(to, errno);
  auto parent = std::filesystem::absolute(to).parent_path();
  int folder = open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0)
    return;
  fsync(folder);
  close(folder);
}

} // namespace tpc::runtime
