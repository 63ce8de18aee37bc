// Every function of a state handle with every completion token: the table is test/support/.

#include "integration/tokens.hpp"

using namespace zproc::test;

BOOST_AUTO_TEST_SUITE(tokens_of_a_state)

BOOST_AUTO_TEST_CASE_TEMPLATE(every_operation_completes_with, Token, all_tokens)
{
    BOOST_TEST((holds_for_all<Token, state_rows>()));
}

BOOST_AUTO_TEST_CASE(operation_that_loses_against_another_ends)
{
    BOOST_TEST(in_a_root([](checks& check) {
        operation_world w;
        [&]<class... Row>(std::tuple<Row...>*) {
            (lose<Row>(w, check), ...);
        }(static_cast<state_rows*>(nullptr));
    }));
}

BOOST_AUTO_TEST_SUITE_END()
