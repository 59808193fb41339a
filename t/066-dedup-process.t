use strict;
use warnings;

use lib 't/lib';
use Answers qw(refused);
use LuzmoEvent qw($Body);
use NginxProcess;
use Test::More;

use IO::Select ();
use IO::Socket::INET ();
use Time::HiRes qw(sleep time);

# Events that come twice, when the first one is under way, or processes come and
# go: whoever was answered 2xx finds the key taken, and nobody else does.

*wait_until = \&NginxProcess::wait_until;

my $Root = $NginxProcess::Root;

my $Busy = refused(luzmo => 503, 'an event with the same key is under way',
                   'in_progress');

# /held/ goes to this process, which answers when it likes to.
my $Upstream = IO::Socket::INET->new(Listen => 128, ReuseAddr => 1,
                                     LocalAddr => '127.0.0.1',
                                     LocalPort => NginxProcess::port(1))
    or die "listen: $!";

# seconds
my $Ttl = $NginxProcess::Slowness > 1 ? 10 : 1;

sub config {
    my ($nginx, %with) = @_;
    my ($port, $held, $quick) = map { NginxProcess::port($_) } 0 .. 2;

    my $zone = 'zone=events:' . ($with{zone} // '1m');
    $zone .= " state=$with{state}" if $with{state};

    $nginx->configure(%with, http => <<END);
    webhook_dedup_zone $zone;
    webhook_dedup \$http_webhook_id zone=events;
    webhook_status_zone zone=status:128k;
    keepalive_timeout 60s;

    server {
        listen 127.0.0.1:$port;
        add_header X-Pid \$pid always;

        location /held/ {
            webhook luzmo;
            webhook_secret off;
            proxy_read_timeout 600s;
            proxy_pass http://127.0.0.1:$held;
        }

        location /impatient/ {
            webhook luzmo;
            webhook_secret off;
            proxy_read_timeout 300ms;
            proxy_pass http://127.0.0.1:$held;
        }

        location /ignored/ {
            webhook luzmo;
            webhook_secret off;
            proxy_ignore_client_abort on;
            proxy_pass http://127.0.0.1:$held;
        }

        location = /status {
            webhook_status zone=status json;
            webhook_secret off;
        }

        location /quick/ {
            webhook luzmo;
            webhook_secret off;
            proxy_pass http://127.0.0.1:$quick;
        }

        location /short/ {
            webhook luzmo;
            webhook_secret off;
            webhook_dedup \$http_webhook_id zone=events ttl=${Ttl}s;
            proxy_pass http://127.0.0.1:$quick;
        }
    }

    server {
        listen 127.0.0.1:$quick;
        return 200 "passed\\n";
    }
END

    return $nginx;
}

sub nginx {
    my ($name, %with) = @_;
    my $nginx = NginxProcess->new(name => $name);
    config($nginx, %with)->start;
    return $nginx;
}

sub client { return NginxProcess::Client->new(@_) }

sub event {
    my ($client, $location, $id) = @_;
    return $client->request(POST => "/$location/data_updated", $Body,
                            'Content-Type' => 'application/json',
                            'webhook-id' => $id);
}

sub answered {
    my $answer = shift or return 'nothing';
    return "$answer->{status} $answer->{body}";
}

# An event on a connection of its own: status and body
sub post { return answered(event(client(), @_)) }

# The next request that arrives at the upstream, read to its end.
sub accepted {
    IO::Select->new($Upstream)->can_read(10) or return;
    my $socket = $Upstream->accept;
    my $in = '';

    while ($in !~ /\r\n\r\n\Q$Body\E$/) {
        sysread $socket, $in, 65536, length $in or return;
    }

    return $socket;
}

# An event that is under way: its client, and the upstream's connection
sub held {
    my ($location, $id) = @_;
    my $client = client(later => 1);

    event($client, $location, $id);

    my $upstream = accepted() or die 'nothing has arrived';
    return ($client, $upstream);
}

sub let_go {
    my ($upstream, $status) = @_;

    print $upstream "HTTP/1.1 $status X\r\nContent-Length: 5\r\n"
                    . "Connection: close\r\n\r\nheld\n";
    close $upstream;
}

# What the status has of the zone: duplicates, forgotten, keys; and of events
sub status {
    my $body = client()->request(GET => '/status')->{body} =~ s/\n//gr;

    my ($events) = $body =~ /"event":"data_updated",("accepted".*?\})/;
    my @counts = $body =~ /"dedup":\[\{"zone":"events","total":
                           \{"duplicates":(\d+),"forgotten":(\d+)\},
                           "now":\{"keys":(\d+)\}\}\]/x or return $body;

    return "@counts $events";
}

sub duplicate { return qq({"id":"$_[0]"}\n) }


# --- under way ------------------------------------------------------------

{
    my $nginx = nginx('under-way', workers => 4);

    my ($client, $upstream) = held('held', 'a');

    my $busy = event(client(), 'quick', 'a');
    is(answered($busy), $Busy, 'the first one is under way');
    is($busy->{headers}{'retry-after'}, 10, 'come again later');
    is($busy->{headers}{connection}, 'keep-alive', 'on this connection');
    is(post('quick', 'b'), "200 passed\n", 'another key');

    let_go($upstream, 201);

    # The key is taken before the answer leaves: nobody can be quicker.
    is(answered($client->answer), "201 held\n", 'the first one is answered');
    is(post('quick', 'a'), '201 ' . duplicate('a'), 'and so is the second');

    # A line is counted after its answer.
    my $counts = '1 0 2 "accepted":2,"refused":{"in_progress":1}';
    wait_until(sub { status() eq $counts }, 5);
    is(status(), $counts, 'all is counted');

    my %pids;
    for (1 .. 500) {
        my $answer = event(client(), 'quick', 'a');
        $pids{$answer->{headers}{'x-pid'}}++
            if answered($answer) eq '201 ' . duplicate('a');
        last if keys %pids > 1;
    }

    cmp_ok(scalar keys %pids, '>', 1, 'by more than one worker');

    # The headers are enough.
    ($client, $upstream) = held('held', 'c');
    print $upstream "HTTP/1.1 200 X\r\nContent-Length: 10\r\n\r\nheld ";
    is(wait_until(sub { post('quick', 'c') eq '200 ' . duplicate('c') }), 1,
       'who is being answered is a first one');
    print $upstream "held\n";
    is(answered($client->answer), "200 held held\n", 'to the end');

    # The client goes away.
    ($client, $upstream) = held('held', 'd');
    is(post('quick', 'd'), $Busy, 'under way');
    $client->close;
    is(wait_until(sub { post('quick', 'd') eq "200 passed\n" }), 1,
       'a client has gone away: its key is given back');
    is(post('quick', 'd'), '200 ' . duplicate('d'), 'and taken again');

    # It goes away, and nginx waits for the answer.
    ($client, $upstream) = held('ignored', 'e');
    $client->close;
    sleep 0.1;
    is(post('quick', 'e'), $Busy, 'nobody waits for it, but it is under way');
    let_go($upstream, 200);
    is(wait_until(sub { post('quick', 'e') eq '200 ' . duplicate('e') }), 1,
       'and was a first one');

    # The upstream breaks off, answers with an error, or too late.
    ($client, $upstream) = held('held', 'f');
    close $upstream;
    $nginx->expect(qr/upstream prematurely closed connection/);
    is($client->answer->{status}, 502, 'no answer');
    is(post('quick', 'f'), "200 passed\n", 'the key is given back');

    ($client, $upstream) = held('held', 'g');
    let_go($upstream, 500);
    is(answered($client->answer), "500 held\n", 'an error');
    is(post('quick', 'g'), "200 passed\n", 'the key is given back');

    ($client, $upstream) = held('impatient', 'h');
    $nginx->expect(qr/upstream timed out/);
    is($client->answer->{status}, 504, 'an answer too late');
    is(post('quick', 'h'), "200 passed\n", 'the key is given back');
    close $upstream;

    # Sixteen at once.
    my @clients = map { client(later => 1) } 1 .. 16;
    event($_, 'held', 'i') for @clients;
    $upstream = accepted();

    ok(!IO::Select->new($Upstream)->can_read(0.3), 'one has arrived');

    let_go($upstream, 200);

    my %answers;
    $answers{answered($_->answer)}++ for @clients;

    is($answers{"200 held\n"}, 1, 'of sixteen at once, one is passed on');
    is($answers{$Busy}, 15, 'the others are told to come again');

    $nginx->finish;
}


# --- time -----------------------------------------------------------------

{
    my $nginx = nginx('time');

    is(post('short', 'a'), "200 passed\n", 'for a second');
    is(post('short', 'a'), '200 ' . duplicate('a'), 'known');

    sleep $Ttl + 1.1;

    is(post('short', 'a'), "200 passed\n", 'and not any more');
    is(post('quick', 'b'), "200 passed\n", 'for longer');

    sleep $Ttl + 1.1;

    is(post('short', 'b'), '200 ' . duplicate('b'), 'known still');

    $nginx->finish;
}


# --- a full zone ----------------------------------------------------------

{
    my $nginx = nginx('full', zone => '32k', workers => 1);

    my @answers = map { answered($_) }
                  NginxProcess::all(sub { event($_[0], 'quick', "n$_[1]") },
                                    1 .. 3000);

    is(scalar(grep { $_ eq "200 passed\n" } @answers), 3000,
       'a full zone refuses nobody');

    is(post('quick', 'n3000'), '200 ' . duplicate('n3000'), 'the last one');
    is(post('quick', 'n2800'), '200 ' . duplicate('n2800'), 'and one before');
    is(post('quick', 'n1'), "200 passed\n", 'the first one is forgotten');

    my @warnings = $nginx->log =~ /\[warn\] .*?: (\*.*)/g;
    is(scalar @warnings, 1, 'said once in a minute');
    like($warnings[0], qr/^\*\d+ webhook dedup zone "events" has room for 30\d /,
         'how large it is');
    like($warnings[0], qr/ keys: 1 forgotten before their time, client: /,
         'when it begins');

    like(status(), qr/^2 2693 308 "accepted":3001,"refused":\{\}$/,
         'the status has them all');

    # More under way than there is room for.
    my @clients = map { client(later => 1) } 1 .. 100;
    my (@held, $n);

    for (1 .. 100) {
        event($clients[$_ - 1], 'held', "held$_");
        push @held, accepted();
    }

    is(post('quick', 'held1'), $Busy, 'the oldest one under way');

    @answers = map { answered($_) }
               NginxProcess::all(sub { event($_[0], 'quick', "m$_[1]") },
                                 1 .. 1000);
    is(scalar(grep { $_ eq "200 passed\n" } @answers), 1000, 'others pass');

    let_go($_, 200) for @held;
    my %answers;
    $answers{answered($_->answer)}++ for @clients;
    is($answers{"200 held\n"}, 100, 'all are answered');
    is(post('quick', "held$_"), '200 ' . duplicate("held$_"), "$_ is known")
        for 1, 50, 100;

    $nginx->finish;
}


# --- reload ---------------------------------------------------------------

{
    my $nginx = nginx('reload');

    is(post('quick', 'a'), "200 passed\n", 'before a reload');

    my ($client, $upstream) = held('held', 'b');

    ok($nginx->reload(keep => 1), 'reloaded');
    wait_until(sub { post('quick', 'c') eq '200 ' . duplicate('c') });

    is(post('quick', 'a'), '200 ' . duplicate('a'), 'known after it');
    is(post('quick', 'b'), $Busy, 'an old worker is at it still');
    let_go($upstream, 200);
    is(answered($client->answer), "200 held\n", 'and answers');
    is(post('quick', 'b'), '200 ' . duplicate('b'), 'and all know');

    ($client, $upstream) = held('held', 'd');
    config($nginx, zone => '2m');
    ok($nginx->reload(keep => 1), 'a zone of another size');
    is(wait_until(sub { post('quick', 'a') eq "200 passed\n" }), 1,
       'knows nothing');
    let_go($upstream, 200);
    is(answered($client->answer), "200 held\n", 'an old worker has its own');

    $nginx->finish;
}


# --- killed ---------------------------------------------------------------

{
    my $nginx = nginx('killed', workers => 2);

    is(post('quick', 'a'), "200 passed\n", 'before');

    my ($client, $upstream) = held('held', 'b');
    is(post('quick', 'b'), $Busy, 'under way');

    $nginx->replace($nginx->workers);

    is(answered($client->answer), 'nothing', 'its worker is killed');
    is(post('quick', 'b'), "200 passed\n", 'its key is free');
    is(post('quick', 'b'), '200 ' . duplicate('b'), 'and taken again');
    is(post('quick', 'a'), '200 ' . duplicate('a'), 'others are as before');

    # The other worker finds it before there is a new one: nobody waits for
    # the master.
    my @workers = $nginx->workers;
    ($client, $upstream) = held('held', 'c');

    kill STOP => $nginx->master;
    kill KILL => $_ for @workers;
    $nginx->expect(map { qr/worker process $_ exited on signal 9/,
                         qr/shared memory zone "\w+" was locked by $_$/ }
                   @workers);
    kill CONT => $nginx->master;

    is(wait_until(sub { post('quick', 'c') eq "200 passed\n" }), 1,
       'the key of a killed one is free');

    $nginx->finish;
}

{
    my $nginx = nginx('hammered', workers => 4, zone => '4m');

    # A killed one may have been the upstream.
    $nginx->expect(qr/while\ (?:reading\ response\ header\ from|sending\ request\ to|
                      connecting\ to)\ upstream/x,
                   qr/upstream prematurely closed connection/);

    # Few keys at a time, and each of them by all.
    my $load = NginxProcess::load(4, sub {
        my ($n, $client, $k) = @_;
        my $key = 'k' . int($k / 40) . '-' . int rand 10;
        my $answer = event($client, 'quick', $key);

        return if !$answer;
        return ($answer->{status}, $answer->{body} =~ /^passed/ ? 1 : 0, $key);
    });

    for (1 .. 20) {
        sleep 0.15;
        my @workers = $nginx->workers;
        $nginx->replace($workers[rand @workers]);
    }

    my @lines = map { @$_ } $load->stop;
    my (%passed, %statuses);

    for my $line (@lines) {
        my ($status, $passed, $key) = @$line;
        $statuses{$status}++;
        $passed{$key}++ if $passed;
    }

    cmp_ok($statuses{200}, '>', 1000 / $NginxProcess::Slowness,
           'events while workers are killed');
    is(join(' ', grep { !/^(?:200|502|503)$/ } keys %statuses), '',
       'all are answered');
    is(scalar(grep { $passed{$_} > 1 } keys %passed), 0,
       'none that was answered is passed on again');

    is(post('quick', 'after'), "200 passed\n", 'a new one');
    is(post('quick', 'after'), '200 ' . duplicate('after'), 'known');

    $nginx->finish;
}



# --- state ----------------------------------------------------------------

# What of these events is passed on: numbers and ranges of them
sub passed_on {
    my ($prefix, @n) = @_;
    my @answers = map { answered($_) }
                  NginxProcess::all(sub { event($_[0], 'quick', $_[1]) },
                                    map { "$prefix$_" } @n);
    my @bad = grep { !/^(?:200 passed\n|20\d \{"id":"[\w-]+"\}\n)\z/ } @answers;

    return "no answer: $bad[0]" if @bad;
    return scalar grep { /^200 passed/ } @answers;
}

for my $signal ('TERM', 'QUIT', 'KILL') {
    my $nginx = NginxProcess->new(name => "state-$signal");
    config($nginx, state => "$Root/state-$signal", workers => 4)->start;

    is(passed_on('a', 1 .. 500), 500, "$signal: 500 events");

    my ($client, $upstream) = held('held', 'b');
    let_go($upstream, 202);
    is(answered($client->answer), "202 held\n", 'another status');
    is(post('short', 'c'), "200 passed\n", 'and for a second');

    # A tenth of a second is what a killed nginx may not have written.
    sleep 0.5 if $signal eq 'KILL';
    ok($nginx->stop($signal), 'stopped');
    sleep $Ttl + 1.1;
    $nginx->start;

    is(passed_on('a', 1 .. 500), 0, 'all are known after a restart');
    is(post('quick', 'b'), '202 ' . duplicate('b'), 'with status and id');
    is(post('quick', 'c'), "200 passed\n", 'but those whose time is over');
    is(passed_on('d', 1 .. 10), 10, 'new ones');

    ok($nginx->stop, 'stopped');
    $nginx->start;
    is(passed_on('a', 1 .. 500), 0, 'and once more');
    is(passed_on('d', 1 .. 10), 0, 'the new ones as well');

    $nginx->finish;
}

{
    my $state = "$Root/state-size";
    my $nginx = NginxProcess->new(name => 'state-size');
    config($nginx, state => $state, zone => '32k')->start;

    is(passed_on('a', 1 .. 6000), 6000, 'many more than there is room for');
    sleep 0.3;
    cmp_ok(-s $state, '<', 1 << 20, 'the file does not grow with them');

    ok($nginx->stop, 'stopped');
    config($nginx, state => $state, zone => '1m')->start;

    is(post('quick', 'a6000'), '200 ' . duplicate('a6000'), 'a larger zone');
    is(post('quick', 'a1'), "200 passed\n", 'has no more than was kept');
    is(passed_on('b', 1 .. 1000), 1000, 'and keeps more');

    ok($nginx->stop, 'stopped');
    my $warnings = () = $nginx->log =~ /forgotten/g;
    config($nginx, state => $state, zone => '32k')->start;

    is(passed_on('b', 721 .. 1000), 0, 'a smaller one has the newest');
    is(scalar(() = $nginx->log =~ /forgotten/g), $warnings,
       'which is nothing to be warned of');
    is(post('quick', 'b1'), "200 passed\n", 'and no more');

    # A zone of another size is filled from the state, on a reload as well.
    sleep 0.3;
    config($nginx, state => $state, zone => '64k');
    ok($nginx->reload, 'reloaded');
    is(passed_on('b', 1, 801 .. 1000), 0, 'known with another size');

    config($nginx, state => "$state-2", zone => '64k');
    $nginx->expect(qr/\[emerg\].*zone "events" has the file "\Q$state\E" and\ /);
    kill HUP => $nginx->master;
    ok(wait_until(sub { $nginx->log =~ /\[emerg\]/ }), 'not another one');
    is(post('quick', 'b1'), '200 ' . duplicate('b1'), 'it goes on');

    $nginx->finish;
}

{
    my $state = "$Root/state-killed";
    my $nginx = NginxProcess->new(name => 'state-killed');
    config($nginx, state => $state, workers => 2)->start;

    for my $round (1 .. 10) {
        is(passed_on("r$round-", 1 .. 100), 100, "round $round");
        $nginx->replace($nginx->workers);
    }

    ok($nginx->stop, 'stopped');
    $nginx->start;

    is(passed_on("r$_-", 1 .. 100), 0, "what killed workers have left, $_")
        for 1 .. 10;

    $nginx->finish;
}

{
    my $state = "$Root/state-gone";
    my $nginx = NginxProcess->new(name => 'state-gone');
    config($nginx, state => $state, workers => 1)->start;

    is(post('quick', 'a'), "200 passed\n", 'before');
    sleep 0.5;
    $nginx->expect(qr/\[emerg\].*"\Q$state"/);

    rename $_, "$_.away" for $state, "$state-lock";
    ok($nginx->replace($nginx->workers), 'a worker that can\'t open it');
    is(post('quick', 'a'), '200 ' . duplicate('a'), 'knows what it knew');
    is(post('quick', 'b'), "200 passed\n", 'holds nothing up');
    is(post('quick', 'b'), '200 ' . duplicate('b'), 'and knows more');
    ok(!-e $state, 'there is no other file');

    rename "$_.away", $_ for $state, "$state-lock";
    sleep 5.5;
    $nginx->stop('KILL');
    $nginx->start;
    is(post('quick', 'b'), '200 ' . duplicate('b'), 'once it is back, all is kept');

    $nginx->finish;
}

{
    my $nginx = NginxProcess->new(name => 'state-refused');
    my $state = "$Root/state-refused";
    my @cases = (
        ['of no directory', "$Root/none/state", undef,
         qr{\[emerg\].*"\Q$Root/none/state\E" could not be made \(2: }],
        ['a directory', $Root, undef, qr/is not a file: restore it/],
        ['garbage', $state, 'x' x 10000, qr/could not be opened: MDB_INVALID/],
        ['empty', $state, '', qr/is empty: restore it, or remove it/],
        ['twice', "$state-3;\nwebhook_dedup_zone zone=b:1m state=$state-3",
         undef, qr{the file "\Q$state-3\E" is used already in }],
        ['one of registrations',
         "$state-4;\nwebhook_zone zone=b:1m state=$state-4", undef,
         qr{the file "\Q$state-4\E" is used already in }],
        ['without a name', '""', undef, qr/invalid parameter "state=" in /],
    );

    for my $case (@cases) {
        my ($name, $path, $content, $expected) = @$case;

        NginxProcess::write_file($path, $content) if defined $content;
        config($nginx, state => $path);

        if ($path eq '""') {
            my $file = "$Root/conf/nginx.conf";
            NginxProcess::write_file($file, NginxProcess::read_file($file)
                                            =~ s/state=""/state=/r);
        }

        my ($status, $output) = $nginx->run('-t');
        isnt($status, 0, "a state $name");
        like($output, $expected, 'is refused');
        $nginx->expect($expected);
    }

    config($nginx, state => "$state-5");
    my ($status, $output) = $nginx->run('-t');
    is($status, 0, 'a new one') or diag($output);
    ok(!-e "$state-5", 'is not made by a test');

    $nginx->start;
    $nginx->stop;
    is((stat "$state-5")[2] & 0777, 0600, 'is nobody else\'s');
}

done_testing();
