#include "model/load_weights.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <future>
#include <tuple>
#include <vector>

#include "core/cpu.h"
#include "core/thread_pool.h"

namespace amalgam::model {

namespace {

using core::DType;

constexpr std::int64_t piece_elements = 2 << 20;    // of one read: cancelled soon, and many enough for all threads
constexpr std::int64_t pieces_together = 16;         // of one upload
constexpr int most_threads = 8;                      // more do not read faster from any disk or from memory
constexpr std::size_t pieces_ahead = 16;             // that the disk is asked for before they are read

/// Some elements of a weight and their place on the device.
struct Piece {
  StoredWeight from;
  std::int64_t first = 0;
  std::int64_t count = 0;
  DType stored = DType::F32;
  std::byte* to = nullptr;

  std::size_t file_bytes() const { return core_bytes(from.tensor->dtype); }
  std::size_t stored_bytes() const { return core_bytes(stored); }

 private:
  std::size_t core_bytes(DType type) const { return ops::array_bytes(type, 1, count); }
};

std::vector<Piece> cut(const std::vector<StoredWeight>& weights, const std::vector<WeightPlace>& places) {
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < places.size(); ++i) {
    const ops::Array array = places[i].array->view();
    for (std::int64_t first = 0; first < places[i].elements(); first += piece_elements) {
      const std::int64_t count = std::min(piece_elements, places[i].elements() - first);
      pieces.push_back({weights[i], first, count, array.type,
                        static_cast<std::byte*>(array.data) + ops::array_bytes(array.type, 1, first)});
    }
  }
  // In the order of the files, which is not that of the layers: a disk reads on faster than it jumps.
  std::ranges::sort(pieces, {}, [](const Piece& piece) {
    return std::tuple(piece.from.file, piece.from.tensor->begin, piece.first);
  });
  return pieces;
}

/// Reads a piece and puts it, in the stored type, to `out`.
void read_piece(const Piece& piece, std::byte* out) {
  const core::TensorInfo& tensor = *piece.from.tensor;
  const std::uint64_t offset = ops::array_bytes(tensor.dtype, 1, piece.first);
  if (tensor.dtype == piece.stored) {
    piece.from.file->read_raw(tensor, offset, piece.file_bytes(), out);
    return;
  }
  std::vector<std::byte> bytes(piece.file_bytes());
  std::vector<float> numbers(static_cast<std::size_t>(piece.count));
  piece.from.file->read_raw(tensor, offset, bytes.size(), bytes.data());
  core::to_f32(tensor.dtype, bytes.data(), piece.count, numbers.data());
  core::from_f32(piece.stored, numbers.data(), piece.count, out);
}

/// Reads pieces on all threads, each to the place that `place` gives it.
class PieceReader {
 public:
  PieceReader(core::Progress& progress, const core::CancelToken& cancel)
      : pool_(std::min(core::hardware_threads(), most_threads)), progress_(progress), cancel_(cancel) {}

  template <typename Place>
  void read(std::span<const Piece> pieces, const Place& place) {
    for (std::size_t i = 0; i < pieces_ahead; ++i) ask_for(pieces, i);
    std::atomic<std::size_t> next = 0;  // whoever is free takes the next one, so that the disk sees rising places
    pool_.parallel_for(pool_.threads(), [&](std::int64_t, std::int64_t, int) {
      for (std::size_t i = next++; i < pieces.size(); i = next++) {
        cancel_.check();
        ask_for(pieces, i + pieces_ahead);
        read_piece(pieces[i], place(i));
        progress_.advance(static_cast<std::int64_t>(pieces[i].file_bytes()));
      }
    });
  }

 private:
  /// Has the disk begin with a weight whose first piece that is.
  static void ask_for(std::span<const Piece> pieces, std::size_t i) {
    if (i < pieces.size() && pieces[i].first == 0) pieces[i].from.file->prefetch(*pieces[i].from.tensor);
  }

  core::ThreadPool pool_;
  core::Progress& progress_;
  const core::CancelToken& cancel_;
};

/// One batch of pieces is uploaded while the next one is read.
void read_and_upload(ops::Device& device, std::span<const Piece> pieces, PieceReader& reader) {
  constexpr std::size_t slot_bytes = piece_elements * sizeof(float);
  std::array<std::vector<std::byte>, 2> buffers;
  for (auto& buffer : buffers) buffer.resize(slot_bytes * std::min<std::size_t>(pieces_together, pieces.size()));
  const auto read = [&](std::size_t first, std::vector<std::byte>& buffer) {
    if (first >= pieces.size()) return;
    const std::size_t count = std::min<std::size_t>(pieces_together, pieces.size() - first);
    reader.read(pieces.subspan(first, count), [&](std::size_t i) { return buffer.data() + i * slot_bytes; });
  };
  read(0, buffers[0]);
  for (std::size_t first = 0, turn = 0; first < pieces.size(); first += pieces_together, turn ^= 1) {
    const std::vector<std::byte>& full = buffers[turn];
    std::future<void> reading =
        std::async(std::launch::async, [&, first] { read(first + pieces_together, buffers[turn ^ 1]); });
    const std::size_t end = std::min<std::size_t>(first + pieces_together, pieces.size());
    for (std::size_t i = first; i < end; ++i) {
      device.upload(pieces[i].to, full.data() + (i - first) * slot_bytes, pieces[i].stored_bytes());
    }
    reading.get();
  }
}

}  // namespace

Weights load_weights(ops::Device& device, const Checkpoint& checkpoint, core::Progress& progress,
                     const core::CancelToken& cancel) {
  Weights weights;
  const std::vector<WeightPlace> places = list_weights(checkpoint.facts.config, weights);
  for (std::size_t i = 0; i < places.size(); ++i) {
    const DType type = device.stored(checkpoint.weights[i].tensor->dtype);
    *places[i].array = ops::DeviceArray(device, type, places[i].rows(), places[i].cols());
  }
  progress.stage("loading", static_cast<std::int64_t>(checkpoint.facts.weight_bytes), "bytes");
  const std::vector<Piece> pieces = cut(checkpoint.weights, places);
  PieceReader reader(progress, cancel);
  if (device.name() == "cpu") {  // its memory is ours to read into
    reader.read(pieces, [&](std::size_t i) { return pieces[i].to; });
  } else {
    read_and_upload(device, pieces, reader);
  }
  for (const auto& file : checkpoint.files) file->check_unchanged();
  return weights;
}

}  // namespace amalgam::model
