// Feeds every file of the given folders to a fuzz target, as an ordinary test; then cut and
// flipped copies of each, so that the corpus also covers what lies next to it.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using bytes = std::vector<std::uint8_t>;

bytes read(const std::filesystem::path& path)
{
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::size_t run(const bytes& input)
{
    LLVMFuzzerTestOneInput(input.data(), input.size());
    return 1;
}

std::size_t run_neighbours(const bytes& input)
{
    // A large file is sampled, so that a replay stays a matter of seconds.
    const std::size_t step = 1 + input.size() / 256;
    std::size_t runs = 0;
    for (std::size_t i = 0; i < input.size(); i += step) {
        // Copies of the exact size: an overrun by one byte is then visible to ASan.
        runs += run(bytes(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(i)));
        for (const unsigned mask : {0x01u, 0x80u, 0xffu}) {
            bytes flipped = input;
            flipped[i] = static_cast<std::uint8_t>(flipped[i] ^ mask);
            runs += run(flipped);
        }
    }
    return runs;
}

} // namespace

int main(int argc, char** argv)
try {
    std::size_t files = 0;
    std::size_t runs = run({});
    for (int i = 1; i < argc; ++i) {
        if (!std::filesystem::exists(argv[i])) {
            std::fprintf(stderr, "%s: there is no such corpus; add at least one file to it\n",
                         argv[i]);
            return 1;
        }
        for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
            if (!entry.is_regular_file())
                continue;
            const bytes input = read(entry.path());
            std::printf("%s\n", entry.path().filename().c_str());
            std::fflush(stdout);
            runs += run(input) + run_neighbours(input);
            ++files;
        }
    }
    std::printf("%zu files, %zu runs\n", files, runs);
    return files != 0 ? 0 : 1;
} catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
}
