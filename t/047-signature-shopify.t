use lib 't/lib';
use WebhookTest 'no_plan';

# Signatures as Shopify makes them.

use SignatureTest;

no_shuffle();
repeat_each(2);
run_tests();

__DATA__

=== TEST 1: the example of the scheme's own documentation
--- config eval
::location('/documented/', 'webhook signed; webhook_signature shopify '
                           . 'hush;')
--- client eval
sub {
    my $is = shift;

    ::check_example($is, 'shopify', '{"id":820982911946154508}',
                    'X-Shopify-Hmac-Sha256' =>
                    'qBvrsZF7RfB1iS6BX6IHqJTp5L911P7intnPeTPsH0I=');
}



=== TEST 2: what is no signature, and what is one of something else
--- client eval
sub {
    my $is = shift;

    ::check_no_signature($is, 'shopify', 'sha256=', 'v1=', 'v1,');
}
--- no_error_log
hush



=== TEST 3: base64 is that of RFC 4648, section 4, with its padding
--- client eval
sub {
    my $is = shift;

    ::check_base64($is, 'shopify');
}



=== TEST 4: one signature is no list
--- client eval
sub {
    my $is = shift;

    ::check_no_list($is, 'shopify', 'A' x 43 . '=');
}
