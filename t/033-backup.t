use strict;
use warnings;

use lib 't/lib';
use NginxProcess;

# The commands of docs/state.md: a copy that is made while registrations are
# being created holds all that was acknowledged before, and nothing by halves;
# nginx starts with it.

use File::Spec;
use Pages qw(top slurp fenced relocated);
use Test::More;
use Time::HiRes qw(sleep time);

my $Root = $NginxProcess::Root;
my $App = '5f0f9b52-6a0e-4d0c-8c43-0d9f64d0a7b1';
my @Token = (Authorization => 'Bearer t0ken');
my @Json = ('Content-Type' => 'application/json');

plan(skip_all => 'there is no mdb_copy here')
    if !grep { -x "$_/mdb_copy" } File::Spec->path;

my ($copy, $restore) = map { $_->[1] } grep { $_->[0] eq 'sh' }
                           fenced(slurp(top() . '/docs/state.md'));

like($copy, qr/^mdb_copy /m, 'the page says how to copy');
like($restore, qr/^cp /m, 'and how to restore');

# A command of the page, with the paths that there are here.
sub run {
    my $command = relocated(shift, $Root);
    my $output = `( $command ) 2>&1`;

    return $? == 0 ? $output : "failed: $output";
}

sub create {
    my ($client, $action) = @_;

    my $answer = $client->request(POST => '/app/webhooks',
                                  qq({"action":"$action"}), @Token, @Json);

    return $answer && $answer->{body} =~ /^\{"uuid":"([0-9a-f-]{36})"/
           ? $1 : undef;
}

# The answer to a deletion or a trigger
sub status {
    my ($method, $path, $body, @header) = @_;

    my $answer = NginxProcess::Client->new->request($method, $path, $body,
                                                    @header);
    return $answer ? "$answer->{status} $answer->{body}" : 'nothing';
}

sub trigger {
    return status(POST => "/apps/$App/webhooks/$_[0]", '{}', @Json);
}

# UUIDs in the order of creation
sub list {
    my $client = NginxProcess::Client->new;
    my @list;

    while (1) {
        my $after = @list ? "&after=$list[-1]" : '';
        my $answer = $client->request(GET => "/app/webhooks?limit=1000$after",
                                      undef, @Token) or die 'no list';

        my @page = $answer->{body} =~ /\{"uuid":"([^"]+)"/g or return @list;
        push @list, @page;
    }
}

my $nginx = NginxProcess->new(name => 'backup');

$nginx->configure(http => <<"END");
    webhook_zone zone=hooks:8m state=$Root/state/webhooks.db;

    server {
        listen 127.0.0.1:${\ NginxProcess::port(0)};

        location / {
            webhook lenra zone=hooks;
            webhook_app $App environment=1 token=t0ken;
            proxy_pass http://127.0.0.1:${\ NginxProcess::port(1)};
        }
    }

    server {
        listen 127.0.0.1:${\ NginxProcess::port(1)};
        return 200 "taken\\n";
    }
END

for my $folder (qw(state backup)) {
    mkdir "$Root/$folder" or die "mkdir: $!";
}

# What others may do with the files of states, it is for the page to say.
umask 022;

sub mode { return sprintf '%04o', (stat shift)[2] & 07777 }

$nginx->start;

# so that there is room in the file that a copy need not have
my @first = map { create(NginxProcess::Client->new, "first$_" . 'x' x 500) }
                1 .. 400;
my @deleted = splice @first, 0, 300;

is(scalar(grep { defined } @first, @deleted), 400, '400 were created');
is(scalar(grep { status(DELETE => "/app/webhooks/$_", undef, @Token)
                 eq '204 ' } @deleted), 300, '300 were deleted');

my $load = NginxProcess::load(3, sub {
    my ($n, $client, $k) = @_;
    my $uuid = create($client, "load$n-$k") // return;
    return ($uuid, time);
});

sleep 0.5;
my $before = time;
is(run($copy), '', 'a copy is made while others create');
sleep 0.3;

my @made = map { @$_ } $load->stop;
my @all = list();
my @acknowledged = (@first, map { $_->[0] } grep { $_->[1] < $before } @made);

cmp_ok(scalar(@acknowledged), '>', 105, 'there were some before the copy');
cmp_ok(scalar(@made), '>', @acknowledged - @first, 'and some after it began');
like(run($copy), qr/^failed: /, 'a copy does not overwrite another');

my $after = create(NginxProcess::Client->new, 'after');

ok($nginx->stop, 'nginx is stopped');
is(mode("$Root/backup/webhooks.db"), '0600', 'nobody else can read the copy');
cmp_ok(-s "$Root/backup/webhooks.db", '<', -s "$Root/state/webhooks.db",
       'the copy is smaller');

is(run($restore), '', 'the copy is restored');
is(mode("$Root/state/webhooks.db"), '0600', 'nobody else can read that one');
$nginx->start;

my @restored = list();
my %restored = map { $_ => 1 } @restored;

is(scalar(grep { !$restored{$_} } @acknowledged), 0,
   'all that was acknowledged before is there');
is_deeply(\@restored, [@all[0 .. $#restored]],
          'and what is there is as it was at one moment');

is(trigger($restored[0]), "200 taken\n", 'the first can be triggered');
is(trigger($restored[-1]), "200 taken\n", 'the last can be triggered');
like(trigger($after), qr/^404 /, 'one that was made after the copy can not');
like(trigger($deleted[0]), qr/^404 /, 'neither can a deleted one');

my $new = create(NginxProcess::Client->new, 'new');

is(trigger($new), "200 taken\n", 'another one can be created');
is((list())[-1], $new, 'and is the last of the list');

ok($nginx->stop, 'nginx is stopped once more');
$nginx->start;
is_deeply([list()], [@restored, $new], 'and has the same ones afterwards');

$nginx->finish;
done_testing();
