// Part of every test program that ThreadSanitizer is built into.

/// Asio counts the owners of an executor with a release decrement and an acquire fence, and
/// ThreadSanitizer does not know fences: it takes the deletion by the last owner for a race. So
/// does it with exceptions, which are counted in a library that it does not see.
extern "C" const char* __tsan_default_suppressions()
{
    return "race:boost::asio::execution::detail::shared_target_executor\n"
           "race:std::__exception_ptr::exception_ptr::_M_release\n";
}
