use lib 't/lib';
use WebhookTest 'no_plan';

# Signatures as Slack makes them.

use SignatureTest;

no_shuffle();
repeat_each(2);
run_tests();

__DATA__

=== TEST 1: the example of the scheme's own documentation
--- config eval
::location('/documented/', 'webhook signed; webhook_signature slack '
                           . '8f742231b10e8888abcd99yyyzzz85a5 '
                           . 'tolerance=100y;')
--- client eval
sub {
    my $is = shift;

    my $body = 'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J'
        . '&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar'
        . '&user_id=U2CERLKJA&user_name=roadrunner'
        . '&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2F'
        . 'hooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F'
        . '96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.'
        . '803a0bc887a14d10d2c447fce8b6703c';

    ::check_example($is, 'slack', $body,
                    'X-Slack-Request-Timestamp' => 1531420618,
                    'X-Slack-Signature' => 'v0='
                    . 'a2114d57b48eac39b9ad189dd8316235'
                    . 'a7b4a8d21a10bd27519666489c69b503');
}



=== TEST 2: what is no signature, and what is one of something else
--- client eval
sub {
    my $is = shift;

    ::check_no_signature($is, 'slack', qw(v1= V0= v0: v0), '=', 'v0= ');
}
--- no_error_log
hush



=== TEST 3: hexadecimal digits are of any case
--- client eval
sub {
    my $is = shift;

    ::check_hexadecimal($is, 'slack');
}



=== TEST 4: one signature is no list
--- client eval
sub {
    my $is = shift;

    ::check_no_list($is, 'slack', '0' x 64);
}



=== TEST 5: the timestamp is signed
--- client eval
sub {
    my $is = shift;

    ::check_signed_timestamp($is, 'slack');
}



=== TEST 6: the tolerance: at it, inside and outside, of the past and the future
--- config eval: ::tolerances('slack')
--- client eval
sub {
    my $is = shift;

    ::check_tolerance($is, 'slack');
}



=== TEST 7: timestamps that are none, or of another age
--- client eval
sub {
    my $is = shift;

    ::check_timestamps($is, 'slack');
}
