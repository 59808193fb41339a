use lib 't/lib';
use WebhookTest 'no_plan';

# Signatures as Standard Webhooks makes them.

use HTTPClient qw($Head dial put);
use MIME::Base64 ();
use SignatureTest;

no_shuffle();
repeat_each(2);
run_tests();

__DATA__

=== TEST 1: the example of the scheme's own documentation
--- config eval
::location('/documented/', 'webhook signed; webhook_signature standard '
                           . 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw '
                           . 'tolerance=100y;')
--- client eval
sub {
    my $is = shift;

    ::check_example($is, 'standard', '{"test": 2432232314}',
                    'webhook-id' => 'msg_p5jXN8AQM9LWM0D4loKWxJek',
                    'webhook-timestamp' => 1614265330,
                    'webhook-signature' =>
                    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
}



=== TEST 2: what is no signature, and what is one of something else
--- client eval
sub {
    my $is = shift;

    ::check_no_signature($is, 'standard',
                         'v1=', 'V1,', 'v1a,', 'v2,', 'v0,', 'v1, ');
}
--- no_error_log
hush



=== TEST 3: base64 is that of RFC 4648, section 4, with its padding
--- client eval
sub {
    my $is = shift;

    ::check_base64($is, 'standard');
}



=== TEST 4: a list of signatures: one of them has to be right
--- client eval
sub {
    my $is = shift;

    ::check_list($is, 'standard', ' ', 'A' x 43 . '=');
}



=== TEST 5: id and timestamp are signed
--- client eval
sub {
    my $is = shift;
    my $time = time - 5;
    my @with = (time => $time);

    my $mac = ::mac('standard', 'x', @with);

    for (['another id', id => 'msg_2', @with],
         ['an id with more', id => 'msg_1 ,', @with],
         ['another timestamp', time => $time + 1],
         ['the timestamp with a zero before it', time => "0$time"],
         ['moved to the id', id => "msg_1.$time", @with])
    {
        my ($name, @other) = @$_;

        ::ask($is, '/standard/',
              [$name, ::refused('standard', 'invalid_signature'), 'x',
               ::sign('standard', 'x', value => "v1,$mac", @other)]);
    }

    ::ask($is, '/standard/', map {
        ["id $_", ::accepted('x'), 'x', ::sign('standard', 'x', id => $_)]
    } ('1', 'x' x 2000, 'with a space', "\xc3\xa9", '"', "a'b,c;d"));

    # What is signed has to be read in one way only: bytes of a body could
    # otherwise make an old event a new one.
    my $now = time;
    my $value = 'v1,' . ::mac('standard', "$now.x", time => 1600000000);

    ::ask($is, '/standard/',
          ['as it was signed', ::refused('standard', 'stale_signature'),
           "$now.x", ::sign('standard', '', time => 1600000000,
                            value => $value)],
          ['cut elsewhere', ::refused('standard', 'invalid_signature'), 'x',
           ::sign('standard', '', id => 'msg_1.1600000000', time => $now,
                  value => $value)]);
}



=== TEST 6: the tolerance: at it, inside and outside, of the past and the future
--- config eval: ::tolerances('standard')
--- client eval
sub {
    my $is = shift;

    ::check_tolerance($is, 'standard');
}



=== TEST 7: timestamps that are none, or of another age
--- client eval
sub {
    my $is = shift;

    ::check_timestamps($is, 'standard');
}



=== TEST 8: the key is what the secret is in base64
--- client eval
sub {
    my $is = shift;

    ::ask($is, '/standard/', map {
        [$_, ::refused('standard', 'invalid_signature'), 'x',
         ::sign('standard', 'x', key => $_)]
    } ($::Secret{standard}[0], substr $::Secret{standard}[0], 6));
}



=== TEST 9: a standard secret: with and without whsec_, of 24 and of 64 bytes
--- config eval
my $n = 0;

CORE::join '', map {
    $n++;
    ::location("/$n/", "webhook signed; webhook_signature standard $_;")
} ('hush' x 8, 'whsec_' . 'hush' x 8,
   MIME::Base64::encode_base64('hush' x 16, ''),
   'whsec_' . MIME::Base64::encode_base64('hush' x 7, ''),
   'whsec_+/+/' . 'hush' x 9)
--- client eval
sub {
    my $is = shift;
    my $n = 0;

    for my $key (MIME::Base64::decode_base64('hush' x 8),
                 MIME::Base64::decode_base64('hush' x 8), 'hush' x 16,
                 'hush' x 7, MIME::Base64::decode_base64('+/+/' . 'hush' x 9))
    {
        $n++;
        ::ask($is, "/$n/", ['right', ::accepted('x'), 'x',
                            ::sign('standard', 'x', key => $key)],
                           ['wrong', ::refused('standard',
                            'invalid_signature'), 'x', ::sign('standard', 'x',
                            key => "$key.")]);
    }
}



=== TEST 10: the variables
--- config eval
::location('/seen/', 'webhook signed; ' . ::signature('standard', 1)
           . 'add_header X-Seen-Here "$webhook_provider|$webhook_event|'
           . '$webhook_reason|$webhook_id" always;')
--- client eval
sub {
    my $is = shift;

    for (['', 'x', 'msg_77', ::sign('standard', 'x', id => 'msg_77')],
         ['missing_signature', 'x', 'msg_77', 'webhook-id' => 'msg_77'],
         ['invalid_signature', 'y', 'msg_77',
          ::sign('standard', 'x', id => 'msg_77')],
         ['stale_signature', 'x', 'msg_77',
          ::sign('standard', 'x', id => 'msg_77', time => 5)])
    {
        my ($reason, $body, $id, @header) = @$_;

        my $socket = ::dial();
        ::put($socket, ::request('/seen/', $body, @header));
        $is->(::answer($socket), $reason eq '' ? ::accepted($body)
                                 : ::refused('standard', $reason),
              "\"$reason\"");
        $is->($::Head =~ /^X-Seen-Here: (\S*)/m && $1,
              "signed||$reason|$id", "\"$reason\", variables");
    }
}
