use strict;
use warnings;

use lib 't/lib';
use NginxProcess;
use StatusTest;
use Test::More;

use JSON::PP ();
use Time::HiRes qw(sleep time);

# What webhook_status counts over reloads, and while workers die.

*wait_until = \&NginxProcess::wait_until;

{
    my $zones = sub { join "\n", map { "webhook_zone zone=$_:64k;" } @_ };
    my $server = sub {
        join "\n", map { "location /$_/ { webhook lenra zone=$_; "
                         . "webhook_secret off; webhook_app $App "
                         . 'environment=1 token=t0ken; }' } @_;
    };
    my $with = sub { (http => $zones->(@_), server => $server->(@_)) };
    my $zone = sub {
        return join ' ', map { "$_->{zone}:$_->{total}{creates}" }
                             @{status()->{zones}};
    };

    my $nginx = nginx('reload', $with->('one', 'two'));

    is(post('/luzmo/data_updated', $Luzmo, @Secret), 200, 'luzmo');
    is(post('/one/app/webhooks', '{"action":"a"}', @Token), 200, 'one');
    is(post('/two/app/webhooks', '{"action":"a"}', @Token), 200, 'two')
        for 1, 2;
    counted_is("luzmo data_updated accepted 1\nlenra - accepted 3", 'counted');
    is($zone->(), 'one:1 two:2', 'by zone');

    config($nginx, $with->('two'));
    reload($nginx, 'reload with one zone less');
    counted_is("luzmo data_updated accepted 1\nlenra - accepted 3", 'kept');
    is($zone->(), 'two:2', 'one zone less');

    config($nginx, $with->('three', 'two', 'one'));
    reload($nginx, 'reload with the zone, and another one');
    is($zone->(), 'three:0 two:2 one:1', 'counters keep to their names');

    my $since = status()->{since};

    is(post('/luzmo/data_updated', $Luzmo, @Secret), 200, 'luzmo');
    ok($nginx->replace($nginx->workers), 'workers are killed');
    $Client->close;
    counted_is("luzmo data_updated accepted 2\nlenra - accepted 3",
               'kept when all workers are killed');
    is(status()->{since}, $since, 'since the same time');

    config($nginx, $with->('one'), zone => 'zone=status:128k');
    reload($nginx, 'reload with another size');
    counted_is('', 'another size begins anew');
    is($zone->(), 'one:0', 'for zones as well');

    # without locations that use a system: it is shown if it was used

    is(post('/one/app/webhooks', '{"action":"a"}', @Token), 200, 'one');
    counted_is('lenra - accepted 1', 'counted');
    config($nginx, zone => 'zone=status:128k');
    reload($nginx, 'reload without Lenra');
    counted_is('lenra - accepted 1', 'what there was is shown');

    $nginx->finish;
}

# All workers count at once, are killed and reloaded, and somebody looks.
{
    my $nginx = nginx('load', workers => 4, zone => 'zone=status:64k');

    my $load = NginxProcess::load(4, sub {
        my ($n, $client) = @_;
        my $answer = $client->request(POST => '/luzmo/data_updated',
                                      $n % 2 ? $Luzmo : '{}', @Secret);
        return $answer ? $answer->{status} : 'nothing';
    });

    sleep 1.5;
    wait_until(sub { @{status()->{refused}} == 256 });

    my %answered;
    $answered{$_->[0]}++ for map { @$_ } $load->stop;

    # Where the test has gone before the answer, it is counted all the same.
    ok(!$answered{nothing}, 'all were answered');

    my $number = sub {
        my %number = map { /(\S+) (\d+)$/ } split /\n/, counted();
        return @number{qw(accepted missing_field)};
    };

    wait_until(sub { ($number->())[0] >= $answered{200} }, 5);

    my ($accepted, $refused) = $number->();

    cmp_ok($accepted - $answered{200}, '<=', 2, 'accepted: each one');
    cmp_ok($accepted - $answered{200}, '>=', 0, 'accepted: none twice');
    cmp_ok($refused - $answered{400}, '<=', 2, 'refused: each one');
    cmp_ok($refused - $answered{400}, '>=', 0, 'refused: none twice');
    is(scalar @{status()->{refused}}, 256, 'the ring is full');

    # now with trouble

    $load = NginxProcess::load(3, sub {
        my ($n, $client) = @_;
        my $answer = $client->request(POST => '/luzmo/data_updated', '{}',
                                      @Secret);
        return $answer ? $answer->{status} : 'nothing';
    });

    my ($seen, $bad, $last) = (0, 0, 0);
    my $end = time + 4;
    my $k = 0;

    while (time < $end) {
        for my $format (qw(json prometheus)) {
            my $answer = get("/status?format=$format") or next;

            $seen++;
            $bad++ if $answer->{status} != 200;

            if ($format eq 'json') {
                my $n = counted(JSON::PP::decode_json($answer->{body}))
                        =~ /missing_field (\d+)/ && $1;
                $bad++ if $n < $last;
                $last = $n;
            }
        }

        if (++$k % 10 == 0) {
            $k % 20 ? $nginx->replace(($nginx->workers)[0])
                    : $nginx->reload(keep => 1);
        }
    }

    $load->stop;

    cmp_ok($seen, '>', 4, 'looked at');
    is($bad, 0, 'never less than before');

    $nginx->finish;
}

done_testing();
