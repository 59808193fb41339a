use lib 't/lib';
use WebhookTest 'no_plan';

# Signatures as Stripe makes them.

use SignatureTest;

no_shuffle();
repeat_each(2);
run_tests();

__DATA__

=== TEST 1: the example of the scheme's own documentation
--- config eval
::location('/documented/', 'webhook signed; webhook_signature stripe '
                           . 'whsec_x tolerance=100y;')
--- client eval
sub {
    my $is = shift;

    ::check_example($is, 'stripe', '{}',
                    'Stripe-Signature' => 't=1614265330,v1='
                    . '1a4fdcd98fea6515352a23e260e37db1'
                    . 'e55089ae770de286738bd69f21527ac3');
}



=== TEST 2: what is no signature, and what is one of something else
--- client eval
sub {
    my $is = shift;

    ::check_no_signature($is, 'stripe', qw(v0= v2= V1= v1: v1), '=', 'v1= ');
}
--- no_error_log
hush



=== TEST 3: hexadecimal digits are of any case
--- client eval
sub {
    my $is = shift;

    ::check_hexadecimal($is, 'stripe');
}



=== TEST 4: a list of signatures: one of them has to be right
--- client eval
sub {
    my $is = shift;

    ::check_list($is, 'stripe', ',', '0' x 64);
}



=== TEST 5: the timestamp is signed
--- client eval
sub {
    my $is = shift;

    ::check_signed_timestamp($is, 'stripe');
}



=== TEST 6: the tolerance: at it, inside and outside, of the past and the future
--- config eval: ::tolerances('stripe')
--- client eval
sub {
    my $is = shift;

    ::check_tolerance($is, 'stripe');
}



=== TEST 7: timestamps that are none, or of another age
--- client eval
sub {
    my $is = shift;

    ::check_timestamps($is, 'stripe');
}



=== TEST 8: Stripe's list: the timestamp is one of its items
--- client eval
sub {
    my $is = shift;
    my $now = time;
    my $mac = ::mac('stripe', 'x', time => $now);
    my $wrong = ::refused('stripe', 'invalid_signature');
    my $stale = ::refused('stripe', 'stale_signature');
    my $good = ::accepted('x');

    ::ask($is, '/stripe/', map {
        my ($value, $answer) = @$_;
        [substr($value, 0, 200), $answer, 'x',
         ::sign('stripe', 'x', value => $value)]
    } (["t=$now,v1=$mac", $good],
       ["v1=$mac,t=$now", $good],
       ["t=$now, v1=$mac", $good],
       ["t=$now,   v1=$mac", $good],
       ["v1=$mac, t=$now", $good],
       ["t=$now, v0=1, v1=$mac, v2=3", $good],
       [",t=$now,,v1=$mac,", $good],
       ["t=$now,scheme=v1,v1=$mac", $good],
       ["t=$now,T=1,v1=$mac", $good],
       ["ts=$now,t=$now,v1=$mac", $good],
       ["t=$now,t=$now,v1=$mac", $wrong],
       ["t=$now,v1=$mac,t=$now", $wrong],
       ["t=1,t=$now,v1=$mac", $wrong],
       ["t=$now,t=1,v1=$mac", $wrong],
       ["t=$now,t=,v1=$mac", $wrong],
       ["t=,t=$now,v1=$mac", $wrong],
       ["t=$now, t=$now,v1=$mac", $wrong],
       ["v1=$mac", $wrong],
       ["T=$now,v1=$mac", $wrong],
       ["t,v1=$mac", $wrong],
       ["t=,v1=$mac", $wrong],
       ["t=x,v1=$mac", $wrong],
       ["t=-1,v1=$mac", $stale],
       ["t=1,v1=$mac", $stale],
       ["t= $now,v1=$mac", $wrong],
       ["t=$now ,v1=$mac", $wrong],
       ["t =$now,v1=$mac", $wrong],
       ["t=$now;v1=$mac", $wrong],
       ["t=$now v1=$mac", $wrong],
       ["t=$now,v1=$mac ,v0=1", $wrong],
       ["t=$now,v1 =$mac", $wrong],
       ["t=$now", $wrong],
       ["t=$now,", $wrong],
       ["t=$now,v1=", $wrong],
       ["t=$now,v0=$mac", $wrong],
       [$now, $wrong],
       [',', $wrong],
       ['=', $wrong],
       ['t', $wrong],
       [CORE::join(',', ("t=$now") x 900, "v1=$mac"), $wrong],
       [',' x 9000 . "t=$now,v1=$mac", $good]));
}
