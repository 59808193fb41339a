use strict;
use warnings;

use lib 't/lib';
use NginxProcess;
use QueueTest qw(config nginx event send_event client id waiting dead drained
                 numbers sorted);
use Destination;
use SmallDisk;
use Test::More;

# The file of a queue: what an older version has left in it, whose it is, and
# what becomes of its room.

use File::Spec;
use IO::Uncompress::Gunzip qw(gunzip $GunzipError);
use Time::HiRes qw(sleep time);

*wait_until = \&NginxProcess::wait_until;

my $Root = $NginxProcess::Root;
my $Failing = qr/destination \w+ is failing, status 50[23]: /;
my $Port = NginxProcess::port(0);
my $To = Destination->new(port => NginxProcess::port(1))->start;
my ($Copy) = grep { -x "$_/mdb_copy" } File::Spec->path;

# The queue of layout 1, with seven events of these sizes, of which those with
# 1 are dead; each has the header X-Do: 503, or 410.
my $Former = 't/data/queue-1.db.gz';
my @Former = ([10, 0], [20, 1], [3000, 0], [5000, 1], [60000, 0], [0, 0],
              [0, 1]);

sub former {
    my $path = shift;
    unlink "$path-lock";
    gunzip($Former => $path) or die "$Former: $GunzipError";
    return $path;
}

# The body of the nth of these
sub body {
    my $n = shift;
    my $more = 'x' x $Former[$n - 1][0];
    return qq({"workspace_id":"w","customer_id":null,"event":"e","state":null,)
           . qq("payload":{"n":$n,"more":"$more"}});
}

sub api {
    my ($method, $path) = @_;
    my $answer = client()->request($method, "/api/queues/q$path");
    return $answer ? $answer->{body} : '';
}

# A number of the status, by its name for Prometheus
sub metric {
    my $name = shift;
    my $text = client()->request(GET => '/status?format=prometheus')->{body};
    return $text =~ /^nginx_webhook_\Q$name\E\{queue="q"\} (\d+)$/m ? $1
                                                                     : undef;
}

my @Status = (http => 'webhook_status_zone zone=status:128k;',
              server => 'location = /status { webhook_status zone=status; }');


# --- layouts --------------------------------------------------------------

subtest 'a file of the first layout' => sub {
    my $path = former("$Root/queue.former");
    my %with = (path => $path, queue => 'keep_dead=9999d',
                more => 'proxy_set_header X-Do 200;');

    # Another nginx may be delivering it.
    my $content = NginxProcess::read_file($path);
    my $test = config(NginxProcess->new(name => 'test'), %with);
    is(($test->run('-t'))[0], 0, 'nginx -t is content with it');
    ok(NginxProcess::read_file($path) eq $content, 'and leaves it as it is');

    my $nginx = nginx('former', %with, retry => '9999d');

    is(waiting(), 4, 'what waited waits');
    is(dead(), 3, 'what was dead is dead');

    my @dead = api(GET => '/dead') =~ /"id":"([0-9a-f-]+)"/g;
    is(scalar @dead, 3, 'is listed');

    like(api(GET => "/events/$dead[1]"),
         qr/^\{"id":"$dead[1]","state":"dead","arrived":1795923683\.12,
            "died":1795923683\.215,"attempts":1,"status":410,.*x{5000}/x,
         'and as it was');

    $nginx->stop('KILL');
    config($nginx, %with)->start;
    ok(drained(), 'what waited is delivered');

    my @seen = sort { (numbers($a))[0] <=> (numbers($b))[0] } $To->wait_for(4);
    is_deeply([map { $_->{body} } @seen], [map { body($_) } 1, 3, 5, 6],
              'all of it');
    is($seen[0]{headers}{'webhook-id'}, '01a22564-a711-7353-92d4-fbdabb0aebd4',
       'by its id');
    is($seen[0]{headers}{'x-attempt'}, 2, 'after one attempt');
    is($seen[0]{request}, 'POST /hook/x HTTP/1.0', 'to where it was sent');

    $To->forget;
    is(api(POST => '/dead/replay'), qq({"replayed":3}\n),
       'the dead are replayed');
    @seen = sort { (numbers($a))[0] <=> (numbers($b))[0] } $To->wait_for(3);
    is_deeply([map { $_->{body} } @seen], [map { body($_) } 2, 4, 7],
              'all of them');

    my $id = id(send_event(client()));
    ok($id, 'and what is new comes after them');
    ok(drained(), 'it is delivered');
    is(waiting() + dead(), 0, 'nothing is left');

    $To->forget;
    $nginx->finish;
};

# Workers of an older module go on with the first layout, in a binary upgrade.
subtest 'events that are added in the first layout' => sub {
    plan(skip_all => 'there is no mdb_load here')
        if !grep { -x "$_/mdb_load" } File::Spec->path;

    my $path = former("$Root/queue.late");
    my %with = (path => $path, queue => 'keep_dead=9999d', workers => 1,
                retry => '100ms', more => 'proxy_set_header X-Do 200;');
    my $nginx = nginx('late', %with);

    ok(drained(), 'what there was is delivered');
    api(POST => '/dead/replay');
    ok(drained(), 'and what was dead');
    $To->forget;

    my $old = former("$Root/queue.again");

    for my $table (qw(events dead waiting index)) {
        is(system("mdb_dump -n -s $table $old"
                  . " | mdb_load -n -s $table $path 2>/dev/null"), 0,
           "$table are added");
    }

    my @seen = sort { (numbers($a))[0] <=> (numbers($b))[0] } $To->wait_for(4);
    is_deeply([map { $_->{body} } @seen], [map { body($_) } 1, 3, 5, 6],
              'they are delivered');
    ok(wait_until(sub { dead() == 3 && waiting() == 0 }), 'or dead');

    $To->forget;
    $nginx->finish;
};

subtest 'whose file it is' => sub {
    my $nginx = nginx('whose', path => "$Root/whose.queue",
                      http => "webhook_zone zone=hooks:1m"
                              . " state=$Root/whose.zone;"
                              . " webhook_dedup_zone zone=seen:1m"
                              . " state=$Root/whose.seen;");
    $nginx->stop;
    former("$Root/whose.former");

    my $refused = sub {
        my ($what, $name, $reason, %with) = @_;

        config($nginx, path => "$Root/whose.new", %with);

        my $file = "$Root/whose.$name";
        my $before = NginxProcess::read_file($file);
        my ($status, $output) = $nginx->run('-t');

        isnt($status >> 8, 0, "$name as $what");
        like($output,
             qr{\[emerg\].*"\Q$file\E" is not the file of a $reason},
             'tells why');
        ok(NginxProcess::read_file($file) eq $before, 'and leaves it');
    };

    my $as_zone = sub {
        return (http => "webhook_zone zone=h:1m state=$Root/whose.$_[0];");
    };
    my $as_seen = sub {
        return (http => "webhook_dedup_zone zone=s:1m"
                        . " state=$Root/whose.$_[0];");
    };

    $refused->('a queue', 'zone', 'queue, but of a zone',
               path => "$Root/whose.zone");
    $refused->('a queue', 'seen', 'queue, but of a dedup zone',
               path => "$Root/whose.seen");
    $refused->('a zone', 'queue', 'zone, but of a queue', $as_zone->('queue'));
    $refused->('a zone', 'seen', 'zone, but of a dedup zone',
               $as_zone->('seen'));
    $refused->('a dedup zone', 'queue', 'dedup zone, but of a queue',
               $as_seen->('queue'));

    # which does not tell
    $refused->('a zone', 'former', 'zone\n', $as_zone->('former'));
    $refused->('a dedup zone', 'former', 'dedup zone\n', $as_seen->('former'));

    $nginx->expect(qr/\[emerg\].*whose/);
    config($nginx, path => "$Root/whose.queue");
    $nginx->start;
    $nginx->finish;
};


# --- room -----------------------------------------------------------------

subtest 'a backup that is killed' => sub {
    plan(skip_all => 'there is no mdb_copy here') if !$Copy;

    my $nginx = nginx('backup', workers => 1, @Status);
    my $file = "$Root/queue.backup";
    my $client = client();
    my $large = 'x' x 100000;

    send_event($client, body => event($large)) for 1 .. 20;
    ok(drained(), 'an empty queue');

    # to a pipe that nobody reads
    my $pid = open my $pipe, '-|', 'mdb_copy', '-n', $file;
    ok($pid, 'it is copied');
    sysread $pipe, my $begun, 4096;

    send_event($client, body => event()) for 1 .. 5;
    cmp_ok(metric('queue_reader_lag'), '>=', 5, 'who reads is seen');

    kill KILL => $pid;
    close $pipe;

    ok(wait_until(sub {
        send_event($client, body => event());
        sleep 0.1;
        return metric('queue_reader_lag') <= 1;
    }, 10), 'it is known to be gone');

    my $before = -s $file;
    send_event($client, body => event($large)) for 1 .. 300;
    ok(drained(), 'what came after it is delivered');

    cmp_ok(-s $file, '<', $before + 1e7, 'in the pages that there were');
    is(metric('queue_file_bytes'), -s $file, 'which the status tells');
    cmp_ok(metric('queue_bytes'), '<', 1e5, 'of which few are used');

    $To->forget;
    $nginx->finish;
};

subtest 'large events die on a full disk' => sub {
    my $disk = SmallDisk->mount('16m') or plan(skip_all => $SmallDisk::Why);

    $To->stop;

    my $nginx = nginx('die', path => "$disk->{path}/queue", workers => 1,
                      retry => join ' ', ('200ms') x 1000);
    $nginx->expect($Failing, qr/Connection refused/, qr/is dead after/,
                   qr/\[crit\].*could not be written/);

    my ($n, $status) = (0, 202);

    while ($status == 202 && $n < 40) {
        $status = send_event(client(), 'X-Do' => '410, 200',
                             body => event('x' x 900000))->{status};
        $n++ if $status == 202;
    }

    cmp_ok($n, '>', 10, "the disk is full with $n events");
    is($status, 503, 'one more is refused');

    $To->start;
    ok(wait_until(sub { (dead() // 0) == $n }), 'all of them die');
    is(waiting(), 0, 'none waits');

    $To->forget;
    is(api(POST => '/dead/replay'), qq({"replayed":$n}\n), 'are replayed');
    ok(drained(), 'and delivered');
    is(scalar @{sorted(numbers($To->seen))}, $n, 'each once');

    ok(id(send_event(client(), body => event('x' x 900000))),
       'then there is room');
    ok(drained(), 'for what is new');

    $To->forget;
    $nginx->finish;
    $disk->unmount;
};

subtest 'dead letters give way' => sub {
    my $nginx = nginx('way', queue => 'max_size=1m', workers => 1, @Status);
    $nginx->expect(qr/is dead after/);

    my $client = client();
    my @status;

    # not so many at once that they have no room while they wait
    for (1 .. 15) {
        push @status, map { send_event($client, 'X-Do' => '410',
                                       body => event('x' x 20000))->{status} }
                          1 .. 10;
        drained();
    }

    is(scalar(grep { $_ != 202 } @status), 0, 'nothing new is refused');
    ok(drained(), 'all of it dies');

    my $dead = dead();
    cmp_ok($dead, '>', 20, "$dead dead letters are there");
    is(metric('dead_total'), 150, 'of 150');
    is(metric('dead_forgotten_total'), 150 - $dead, 'the others are counted');
    cmp_ok(metric('queue_bytes'), '<=', 1048576, 'and their room was used');

    my @left = map { api(GET => "/events/$_") =~ /\\"n\\":(\d+)/ }
                   api(GET => '/dead?limit=100') =~ /"id":"([0-9a-f-]+)"/g;
    my @sorted = @{sorted(@left)};
    is(scalar @left, $dead, 'those that are left');
    is($sorted[-1] - $sorted[0], $dead - 1, 'are the youngest');

    my @warned = $nginx->log =~ /\[warn\].*(webhook queue "q" is full: .*)/g;
    is(scalar @warned, 1, 'one warning');
    like($warned[0] // '', qr/the \d+ oldest dead letters were removed/,
         'of the first one');

    $To->forget;
    $nginx->finish;
};

subtest 'no event needs pages in a row' => sub {
    plan(skip_all => 'there is no mdb_stat here') if !$Copy;

    my $nginx = nginx('parts', retry => '9999d', workers => 1);
    $nginx->expect($Failing);

    for my $size (10, 1000, 2000, 5000, 60000, 1000000) {
        send_event(client(), 'X-Do' => '503', body => event('x' x $size));
    }

    is(waiting(), 6, 'six events wait');

    my $stat = `mdb_stat -n -s contents $Root/queue.parts 2>&1`;
    like($stat, qr/Overflow pages: 0\n/, 'and have shared pages');
    like($stat, qr/Entries: 1\d\d\d\n/, 'for their parts');

    $To->forget;
    $nginx->finish;
};

done_testing;
