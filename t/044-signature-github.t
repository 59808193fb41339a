use lib 't/lib';
use WebhookTest 'no_plan';

# Signatures as GitHub makes them.

use SignatureTest;

no_shuffle();
repeat_each(2);
run_tests();

__DATA__

=== TEST 1: the example of the scheme's own documentation
--- config eval
::location('/documented/', 'webhook signed; webhook_signature github '
                           . '"It\'s a Secret to Everybody";')
--- client eval
sub {
    my $is = shift;

    ::check_example($is, 'github', 'Hello, World!', 'X-Hub-Signature-256' =>
                    'sha256=757107ea0eb2509fc211221cce984b8a'
                    . '37570b6d7586c22c46f4379c8b043e17');
}



=== TEST 2: what is no signature, and what is one of something else
--- client eval
sub {
    my $is = shift;

    ::check_no_signature($is, 'github',
                         qw(sha1= SHA256= sha512= sha256: sha256 =),
                         'sha256= ');
}
--- no_error_log
hush



=== TEST 3: hexadecimal digits are of any case
--- client eval
sub {
    my $is = shift;

    ::check_hexadecimal($is, 'github');
}



=== TEST 4: one signature is no list
--- client eval
sub {
    my $is = shift;

    ::check_no_list($is, 'github', '0' x 64);
}
